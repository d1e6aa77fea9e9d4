"""Compiled part of a cell: the small linear system of its own nodes, and the multipliers that keep |w| = 1.

All that involves the history has been contracted before; what is left is algebra on (s G) x (s G) blocks, once a channel.
Rows and columns stand for (node, group), the groups of a node side by side; the integration matrix of a block is A (x) 1_G.

Parts of `solve_own_block` are inlined, which halves the time to compile it: on its own, each would be optimised twice.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit
from dmft.mathematics.small import add_product_transposed, copy, inverse, product, solve


@njit
def history_terms(A, width, MC, MR, DR, drift, overlap, C_last, R_last, C_rhs, R_rhs):
    """Right-hand sides of a stack over the history columns, before the factor (1 - A (M - nu)_BB)^(-1):

    C_rhs = C_last + A (M_BH C_HH + D_BH R_HH^T + b v_H),   R_rhs = R_last + A M_BH R_HH;
    the drift b (directions, s G) enters the first channel of the first stack; other stacks have none.
    """
    channels, rows, n = MC.shape
    stages = rows // width
    force = np.empty((rows, n))
    for c in range(channels):
        for row in range(rows):
            for j in range(n):
                force[row, j] = MC[c, row, j] + DR[c, row, j]
        if c == 0:
            for direction in range(drift.shape[0]):
                for row in range(rows):
                    for j in range(n):
                        force[row, j] += drift[direction, row] * overlap[direction, j]
        for i in range(stages):
            for g in range(width):
                own = i * width + g
                for j in range(n):
                    C_rhs[c, own, j] = C_last[c, g, j]
                    R_rhs[c, own, j] = R_last[c, g, j]
                for k in range(stages):
                    row = k * width + g
                    for j in range(n):
                        C_rhs[c, own, j] += A[i, k] * force[row, j]
                        R_rhs[c, own, j] += A[i, k] * MR[c, row, j]


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
def add_force_along(weights, M, C, D, R, drift, overlap, nu):
    """Add sum_c weight_c [M C + D R](t, t) + b v of a stack, weights (channels, G), to nu (s,).

    The drift, and the overlap v, (directions, s G), belong to the first channel.
    """
    channels, rows, n = M.shape
    width = weights.shape[1]
    for direction in range(len(drift)):
        for row in range(rows):
            nu[row // width] += weights[0, row % width] * drift[direction, row] * overlap[direction, row]
    for c in range(channels):
        for row in range(rows):
            force = 0.0
            for j in range(n):
                force += M[c, row, j] * C[c, row, j] + D[c, row, j] * R[c, row, j]
            nu[row // width] += weights[c, row % width] * force


@njit
def response_rows(A, given, known):
    """Rows R of a stack, P [R_last + A M_BH R_HH] and P A with P = (1 - A (M - nu)_BB)^(-1).

    `given` holds the bracket in its `known` columns of the history, and (M - nu)_BB in the others.
    """
    channels, size, total = given.shape
    R, sides, own, matrix = np.empty(given.shape), np.empty((size, total)), np.empty((size, size)), np.empty((size, size))
    for c in range(channels):
        for a in range(size):
            for j in range(total):
                sides[a, j] = given[c, a, j] if j < known else A[a, j - known]
            for b in range(size):
                own[a, b] = given[c, a, known + b]
        product(A, own, matrix)
        for a in range(size):
            for b in range(size):
                matrix[a, b] = (1.0 if a == b else 0.0) - matrix[a, b]
        product(inverse(matrix), sides, R[c])
    return R


@njit
def solve_own_block(A, blocks, C_last, drift, v_rhs, weights, constraints, multiplier, v_B):
    """Find the multipliers nu (s, constraints) with C(t_i, t_i) = 1 on the cell's nodes; P = (1 - A (M - nu)_BB)^(-1) and

        R_BB = P A,   v_B = P v_rhs,
        C_BB = P [ (P C_last)^T + A ( (M C^T)_BB + (D R^T)_BB + b v_B^T ) ].

    A, blocks, C_last, weights and constraints are tuples, with one entry for each stack of channels; A of a stack is
    A (x) 1_G.  blocks (7, channels, s G, s G) are M_BB, D_BB, M_BH C_rhs^T and D_BH R_rhs^T without their factor P^T, as
    given, and P, C_BB, R_BB as found; C_last (channels, G, s G).
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
                A[q], blocks[q], C_last[q], (drift, v_rhs) if q == 0 else nothing, weights[q], constraints[q], multiplier,
                v_B if q == 0 else v_B[:0], violation, slope,
            )  # fmt: skip
        if number == 0:
            return 0.0
        previous, defect = defect, largest_size(violation)
        # At rounding level Newton's method stops gaining.
        if not np.isfinite(defect) or defect < 1e-15 or (defect < 1e-12 and defect > 0.1 * previous):
            break
        solve(slope, violation)
        correct(multiplier, violation)
    return defect


@njit(inline="always")
def own_stack(A, blocks, C_last, drift, weights, constraints, multiplier, v_B, violation, slope):
    """Fill the rows of the channels of one stack; the drift and v belong to the first channel."""
    M, D, MC, DR = blocks[0], blocks[1], blocks[2], blocks[3]
    P, C, R = blocks[4], blocks[5], blocks[6]
    b, v_rhs = drift
    for c in range(len(weights)):
        resolvent(A, M[c], multiplier, constraints[c], P[c])
        if c > 0:
            b, v_rhs, v_B = b[:0], v_rhs[:0], v_B[:0]
        own_rows(A, P[c], D[c], (MC[c], DR[c]), C_last[c], (b, v_rhs), C[c], R[c], v_B)
        if multiplier.shape[1] > 0:
            add_constraints(weights[c], constraints[c], multiplier.shape[1], R[c], C[c], violation, slope)


@njit(inline="always")
def resolvent(A, M, multiplier, constraints, out):
    """P = (1 - A (M - nu))^(-1) of one channel, with the multiplier of each group's constraint."""
    size, width = len(A), len(constraints)
    matrix = np.empty((size, size))
    product(A, M, matrix)
    for a in range(size):
        for b in range(size):
            nu = multiplier[b // width, constraints[b % width]] if multiplier.shape[1] > 0 else 0.0
            matrix[a, b] = (1.0 if a == b else 0.0) - matrix[a, b] + A[a, b] * nu
    copy(inverse(matrix), out)


@njit(inline="always")
def own_rows(A, P, D, from_history, C_last, drift, C, R, v):
    """Fill R = P A, v = P v_rhs (directions, s G) and C of one channel; the drift has as many directions as v."""
    (MC, DR), (b, v_rhs), (groups, size) = from_history, drift, C_last.shape
    product(P, A, R)
    force, bracket = np.zeros(P.shape), np.empty(P.shape)
    add_product_transposed(MC, P, force)
    add_product_transposed(DR, P, force)
    add_product_transposed(D, R, force)
    for k in range(len(v)):
        for a in range(size):
            v[k, a] = 0.0
            for j in range(size):
                v[k, a] += P[a, j] * v_rhs[k, j]
        for a in range(size):
            for j in range(size):
                force[a, j] += b[k, a] * v[k, j]
    product(A, force, bracket)
    from_last = np.zeros((groups, size))
    add_product_transposed(C_last, P, from_last)
    for a in range(size):
        for j in range(size):
            bracket[a, j] += from_last[a % groups, j]
    product(P, bracket, C)


@njit(inline="always")
def largest_size(values):
    """The largest absolute value in one column; not a number if any value is not."""
    found = 0.0
    for a in range(len(values)):
        if not abs(values[a, 0]) <= found:
            found = abs(values[a, 0])
            if np.isnan(found):
                break
    return found


@njit(inline="always")
def correct(multiplier, change):
    """Subtract the change (s constraints, 1) from the multipliers."""
    stages, number = multiplier.shape
    for i in range(stages):
        for k in range(number):
            multiplier[i, k] -= change[i * number + k, 0]


@njit(inline="always")
def add_constraints(weights, constraints, number, R_BB, C_BB, violation, slope):
    """Add the part of one channel to sum_c weight_c C_c(t_i, t_i) and its derivatives by the multipliers, (s constraints,)."""
    width = len(weights)
    for a in range(len(C_BB)):
        i, g = a // width, a % width
        row = i * number + constraints[g]
        violation[row, 0] += weights[g] * C_BB[a, a]
        for b in range(len(C_BB)):
            j, other = b // width, b % width
            slope[row, j * number + constraints[other]] -= 2.0 * weights[g] * R_BB[a, b] * C_BB[a, b]
