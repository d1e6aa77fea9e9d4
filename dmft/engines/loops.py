"""Compiled part of a cell: the small linear system of its own nodes, and the multipliers that keep |w| = 1.

All that involves the history has been contracted before; what is left is algebra on (s G) x (s G) blocks, once a channel.
Rows and columns stand for (node, group), the groups of a node side by side; the integration matrix of a block is A (x) 1_G.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit


@njit
def history_terms(A, width, MC, MR, DR, drift, overlap, C_last, R_last, C_rhs, R_rhs):
    """Right-hand sides of a stack over the history columns, before the factor (1 - A (M - nu)_BB)^(-1):

    C_rhs = C_last + A (M_BH C_HH + D_BH R_HH^T + b v_H),   R_rhs = R_last + A M_BH R_HH;
    the drift b (directions, s G), none but for the first stack, enters its first channel.
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
    defect = np.inf
    for _ in range(20):
        violation = np.full(stages * number, -1.0)
        slope = np.zeros((stages * number, stages * number))
        for q in range(len(A)):
            channels, width = weights[q].shape
            rows = stages * width
            for c in range(channels):
                stiff = M_BB[q][c].copy()
                if number > 0:
                    for a in range(rows):
                        stiff[a, a] -= multiplier[a // width, constraints[q][c, a % width]]
                P[q][c] = np.linalg.inv(np.eye(rows) - A[q] @ stiff)
                R_BB[q][c] = P[q][c] @ A[q]
                transposed = np.ascontiguousarray(P[q][c].T)
                force = (MC_HB[q][c] + DR_HB[q][c]) @ transposed + D_BB[q][c] @ np.ascontiguousarray(R_BB[q][c].T)
                if q == 0 and c == 0:
                    for k in range(v_rhs.shape[0]):
                        v_B[k] = P[q][c] @ v_rhs[k]
                        force += np.outer(drift[k], v_B[k])
                bracket = A[q] @ force
                for g in range(width):
                    from_last = P[q][c] @ C_last[q][c, g]
                    for i in range(stages):
                        bracket[i * width + g] += from_last
                C_BB[q][c] = P[q][c] @ bracket
                if number > 0:
                    add_constraints(weights[q][c], constraints[q][c], number, R_BB[q][c], C_BB[q][c], violation, slope)
        if number == 0:
            return 0.0
        previous = defect
        defect = np.abs(violation).max()
        # At rounding level Newton's method stops gaining.
        if not np.isfinite(defect) or defect < 1e-15 or (defect < 1e-12 and defect > 0.1 * previous):
            break
        multiplier -= np.linalg.solve(slope, violation).reshape(stages, number)
    return defect


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
