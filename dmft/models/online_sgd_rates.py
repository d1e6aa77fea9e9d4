"""Compiled part of online SGD: the equations of `online_sgd.py` for one state, its vector y unpacked into fields."""

from __future__ import annotations

import numba
import numpy as np

from dmft.gaussian_integrals.dispatch import back_reaction, curvature, slopes, two_point


@numba.njit(cache=True)
def unpacked(y, v, A, T):
    """Covariance C of all fields and e = (-v, A); v is that of y if it is there."""
    K, M = len(v), len(A)
    C, e = np.empty((K + M, K + M)), np.empty(K + M)
    place = 0
    for i in range(K):
        for k in range(i, K):
            C[i, k] = C[k, i] = y[place]
            place += 1
    for i in range(K):
        for n in range(K, K + M):
            C[i, n] = C[n, i] = y[place]
            place += 1
    C[K:, K:] = T
    e[:K] = -v if place == len(y) else -y[place:]
    e[K:] = A
    return C, e


@numba.njit(cache=True)
def generalization_error(kind, y, v, A, T):
    """eps_g of one state."""
    C, e = unpacked(y, v, A, T)
    total = 0.0
    for a in range(len(e)):
        total += 0.5 * e[a] * e[a] * two_point(kind, C, a, a)
        for b in range(a):
            total += e[a] * e[b] * two_point(kind, C, a, b)
    return total


@numba.njit(cache=True)
def rate(kind, y, v, A, T, learning):
    """dy/dt of one state; `learning` is lr, lr2, sigma, wd."""
    K, M = len(v), len(A)
    first, second, noise, decay = learning
    C, e = unpacked(y, v, A, T)
    S, squared = correlations(kind, C, e, K), np.empty((K, K))
    back_reaction(kind, C, e, squared)
    dy = np.empty_like(y)
    place = 0
    for i in range(K):
        for k in range(i, K):
            diffusion = squared[i, k] + noise * noise * slopes(kind, C, i, k)
            drift = -first * (e[i] * S[i, k] + e[k] * S[k, i])
            dy[place] = drift + first * first * e[i] * e[k] * diffusion - 2.0 * decay * C[i, k]
            place += 1
    for i in range(K):
        for n in range(K, K + M):
            dy[place] = -first * e[i] * S[i, n] - decay * C[i, n]
            place += 1
    if place < len(y):
        for i in range(K):
            dy[place + i] = decay * e[i]
            for a in range(K + M):
                dy[place + i] += second * e[a] * two_point(kind, C, i, a)
    return dy


@numba.njit(cache=True)
def correlations(kind, C, e, K):
    """S_in = sum_a e_a E[g'(x_i) x_n g(x_a)] for the students i and all fields n, (K, K + M)."""
    S = np.zeros((K, len(e)))
    for i in range(K):
        for a in range(len(e)):
            slope, curve = slopes(kind, C, i, a), curvature(kind, C, i, a)
            for n in range(len(e)):
                S[i, n] += e[a] * (C[i, n] * curve + C[n, a] * slope)
    return S
