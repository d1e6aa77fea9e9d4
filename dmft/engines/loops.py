"""Compiled part of a cell: the small linear system of its own nodes, and the multipliers that keep |w| = 1.

All that involves the history has been contracted before; what is left is algebra on (s G) x (s G) blocks, once a channel.
Rows and columns stand for (node, group), the groups of a node side by side; the integration matrix of a block is A (x) 1_G.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.small_matrices import apply, invert, multiply, multiply_transposed, solve


@njit
def history_terms(A, width, MC, MR, DR, drift, overlap, C_last, R_last, C_rhs, R_rhs):
    """Right-hand sides of a stack over the history columns, before the factor (1 - A (M - nu)_BB)^(-1):

    C_rhs = C_last + A (M_BH C_HH + D_BH R_HH^T + b v_H),   R_rhs = R_last + A M_BH R_HH;
    the drift b (directions, s G) enters the first channel of the first stack; other stacks have none.
    """
    channels, rows, n = MC.shape
    stages = rows // width
    for c in range(channels):
        for i in range(stages):
            for g in range(width):
                for j in range(n):
                    correlation = C_last[c, g, j]
                    response = R_last[c, g, j]
                    for k in range(stages):
                        row = k * width + g
                        force = MC[c, row, j] + DR[c, row, j]
                        if c == 0:
                            for direction in range(drift.shape[0]):
                                force += drift[direction, row] * overlap[direction, j]
                        correlation += A[i, k] * force
                        response += A[i, k] * MR[c, row, j]
                    C_rhs[c, i * width + g, j] = correlation
                    R_rhs[c, i * width + g, j] = response


@njit
def overlap_terms(A, width, M_overlap, drift, last, v_rhs):
    """v_rhs = v_last + A (M_BH v_H + b), (directions, s G)."""
    directions, rows = drift.shape
    stages = rows // width
    for direction in range(directions):
        for i in range(stages):
            for g in range(width):
                value = last[direction, g]
                for k in range(stages):
                    row = k * width + g
                    value += A[i, k] * (M_overlap[direction, row] + drift[direction, row])
                v_rhs[direction, i * width + g] = value


@njit
def solve_own_block(A, M_BB, D_BB, MC_HB, DR_HB, C_last, drift, v_rhs, weights, constraints, multiplier, P, C_BB, R_BB, v_B):
    """Find the multipliers nu (s, constraints) with C(t_i, t_i) = 1 on the cell's nodes; P = (1 - A (M - nu)_BB)^(-1) and

        R_BB = P A,   v_B = P v_rhs,
        C_BB = P [ (P C_last)^T + A ( (M C^T)_BB + (D R^T)_BB + b v_B^T ) ].

    A, M_BB ... v_B but for the drift, v_rhs and v_B are tuples, with one entry for each stack of channels; A of a stack is
    A (x) 1_G.  MC_HB = M_BH C_rhs^T and DR_HB = D_BH R_rhs^T are given without their factor P^T; C_last (channels, G, s G).
    Newton's method, with d C(t_i, t_i)/d nu_j = -2 R_ij C_ij summed over channels with their weights.  `multiplier` is the
    guess and the result; returns the largest |C(t_i, t_i) - 1|.
    """
    stages, number = multiplier.shape
    violation, slope = np.empty((stages * number, 1)), np.empty((stages * number, stages * number))
    nothing = drift[:0], v_rhs[:0]
    defect = np.inf
    for _ in range(20):
        violation.fill(-1.0)
        slope.fill(0.0)
        for q in range(len(A)):
            own_stack(
                A[q], (M_BB[q], D_BB[q], MC_HB[q], DR_HB[q]), C_last[q], (drift, v_rhs) if q == 0 else nothing, weights[q],
                constraints[q], multiplier, (P[q], C_BB[q], R_BB[q]), v_B if q == 0 else v_B[:0], violation[:, 0], slope,
            )  # fmt: skip
        if number == 0:
            return 0.0
        previous, defect = defect, largest_size(violation[:, 0])
        # At rounding level Newton's method stops gaining.
        if not np.isfinite(defect) or defect < 1e-15 or (defect < 1e-12 and defect > 0.1 * previous):
            break
        solve(slope, violation)
        correct(multiplier, violation[:, 0])
    return defect


# The functions below are written out in loops: array expressions would be as fast, but take much longer to compile.


@njit
def own_stack(A, forces, C_last, drift, weights, constraints, multiplier, found, v_B, violation, slope):
    """Fill the rows of the channels of one stack; the drift and v belong to the first channel."""
    M, D, MC, DR = forces
    P, C, R = found
    b, v_rhs = drift
    for c in range(len(weights)):
        resolvent(A, M[c], multiplier, constraints[c], P[c])
        if c > 0:
            b, v_rhs, v_B = b[:0], v_rhs[:0], v_B[:0]
        own_rows(A, P[c], D[c], (MC[c], DR[c]), C_last[c], (b, v_rhs), C[c], R[c], v_B)
        if multiplier.shape[1] > 0:
            add_constraints(weights[c], constraints[c], multiplier.shape[1], R[c], C[c], violation, slope)


@njit
def resolvent(A, M, multiplier, constraints, out):
    """P = (1 - A (M - nu))^(-1) of one channel, with the multiplier of each group's constraint."""
    width, stiff = len(constraints), np.empty(M.shape)
    copy(M, stiff)
    if multiplier.shape[1] > 0:
        for a in range(len(M)):
            stiff[a, a] -= multiplier[a // width, constraints[a % width]]
    matrix = np.empty(M.shape)
    multiply(A, stiff, matrix)
    for a in range(len(M)):
        for b in range(len(M)):
            matrix[a, b] = (1.0 if a == b else 0.0) - matrix[a, b]
    invert(matrix, out)


@njit
def own_rows(A, P, D, from_history, C_last, drift, C, R, v):
    """Fill R = P A, v = P v_rhs (directions, s G) and C of one channel; the drift has as many directions as v."""
    (MC, DR), (b, v_rhs), (groups, size) = from_history, drift, C_last.shape
    multiply(P, A, R)
    sources, force, from_noise = np.empty(P.shape), np.empty(P.shape), np.empty(P.shape)
    for a in range(size):
        for j in range(size):
            sources[a, j] = MC[a, j] + DR[a, j]
    multiply_transposed(sources, P, force)
    multiply_transposed(D, R, from_noise)
    for a in range(size):
        for j in range(size):
            force[a, j] += from_noise[a, j]
    for k in range(len(v)):
        apply(P, v_rhs[k], v[k])
        for a in range(size):
            for j in range(size):
                force[a, j] += b[k, a] * v[k, j]
    bracket, from_last = sources, np.empty(size)
    multiply(A, force, bracket)
    for g in range(groups):
        apply(P, C_last[g], from_last)
        for a in range(g, size, groups):
            for j in range(size):
                bracket[a, j] += from_last[j]
    multiply(P, bracket, C)


@njit
def copy(matrix, out):
    """Copy a matrix."""
    for a in range(matrix.shape[0]):
        for b in range(matrix.shape[1]):
            out[a, b] = matrix[a, b]


@njit
def largest_size(values):
    """The largest absolute value; not a number if any value is not."""
    found = 0.0
    for value in values:
        if not abs(value) <= found:
            found = abs(value)
            if np.isnan(found):
                break
    return found


@njit
def correct(multiplier, change):
    """Subtract the change (s constraints,) from the multipliers."""
    stages, number = multiplier.shape
    for i in range(stages):
        for k in range(number):
            multiplier[i, k] -= change[i * number + k]


@njit
def add_constraints(weights, constraints, number, R_BB, C_BB, violation, slope):
    """Add the part of one channel to sum_c weight_c C_c(t_i, t_i) and its derivatives by the multipliers, (s constraints,)."""
    width = len(weights)
    for a in range(len(C_BB)):
        i, g = a // width, a % width
        row = i * number + constraints[g]
        violation[row] += weights[g] * C_BB[a, a]
        for b in range(len(C_BB)):
            j, other = b // width, b % width
            slope[row, j * number + constraints[other]] -= 2.0 * weights[g] * R_BB[a, b] * C_BB[a, b]
