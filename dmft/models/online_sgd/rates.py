"""Compiled part of online SGD: the equations of `online_sgd.py` for one state, its vector y unpacked into fields."""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit


@njit
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
    for i in range(K):
        e[i] = -v[i] if place == len(y) else -y[place + i]
    for n in range(M):
        e[K + n] = A[n]
        for m in range(M):
            C[K + n, K + m] = T[n, m]
    return C, e


@njit
def rate(y, C, e, pairs, back_reaction, learning):
    """dy/dt of one state from its averages; `learning` is lr, lr2, sigma, wd."""
    K, n = len(back_reaction), len(e)
    two_point, slopes, curvature = pairs
    first, second, noise, decay = learning
    S = correlations(C, e, slopes, curvature)
    dy, place = np.empty_like(y), 0
    for i in range(K):
        for k in range(i, K):
            diffusion = back_reaction[i, k] + noise * noise * slopes[i, k]
            drift = -first * (e[i] * S[i, k] + e[k] * S[k, i])
            dy[place] = drift + first * first * e[i] * e[k] * diffusion - 2.0 * decay * C[i, k]
            place += 1
    for i in range(K):
        for a in range(K, n):
            dy[place] = -first * e[i] * S[i, a] - decay * C[i, a]
            place += 1
    if place < len(y):
        for i in range(K):
            dy[place + i] = decay * e[i]
            for a in range(n):
                dy[place + i] += second * e[a] * two_point[i, a]
    return dy


@njit
def correlations(C, e, slopes, curvature):
    """S_in = sum_a e_a E[g'(x_i) x_n g(x_a)] for the students i and all fields n, (K, K + M)."""
    S = np.zeros(slopes.shape)
    for i in range(len(slopes)):
        for a in range(len(e)):
            for n in range(len(e)):
                S[i, n] += e[a] * (C[i, n] * curvature[i, a] + C[n, a] * slopes[i, a])
    return S
