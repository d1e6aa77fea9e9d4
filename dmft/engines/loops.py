"""Compiled part of a cell: the small linear system of its own nodes, and the multiplier that keeps |w| = 1.

Everything that involves the history has been contracted before; what is left is algebra on s x s blocks, once a channel.
"""

from __future__ import annotations

import numpy as np

from dmft.compiled import njit


@njit
def history_terms(A, MC, MR, DR, drift, overlap, M_overlap, C_last, R_last, C_rhs, R_rhs, v_rhs):
    """Right-hand sides over the history columns, before the factor (1 - A (M - nu)_BB)^(-1):

    C_rhs = C_last + A (M_BH C_HH + D_BH R_HH^T + b v_H),   R_rhs = R_last + A M_BH R_HH,   v_rhs = v_last + A (M_BH v_H + b);
    the drift b enters channel 0 only.
    """
    channels, s, n = MC.shape
    for c in range(channels):
        for i in range(s):
            for j in range(n):
                correlation = C_last[c, j]
                response = R_last[c, j]
                for k in range(s):
                    force = MC[c, k, j] + DR[c, k, j]
                    if c == 0:
                        force += drift[k] * overlap[j]
                    correlation += A[i, k] * force
                    response += A[i, k] * MR[c, k, j]
                C_rhs[c, i, j] = correlation
                R_rhs[c, i, j] = response
    for i in range(s):
        v_rhs[i] = overlap[n - 1]
        for k in range(s):
            v_rhs[i] += A[i, k] * (M_overlap[k] + drift[k])


@njit
def solve_own_block(A, M_BB, D_BB, MC_HB, DR_HB, C_last, drift, v_rhs, weights, multiplier, P, C_BB, R_BB, v_B):
    """Find the multiplier nu (s,) with C(t_i, t_i) = 1 on the cell's nodes; P = (1 - A (M - nu)_BB)^(-1) and

        R_BB = P A,   v_B = P v_rhs,
        C_BB = P [ (P C_last)^T + A ( (M C^T)_BB + (D R^T)_BB + b v_B^T ) ].

    MC_HB = M_BH C_rhs^T and DR_HB = D_BH R_rhs^T are given without their factor P^T.  Newton's method, with
    d C(t_i, t_i)/d nu_j = -2 R_ij C_ij summed over channels with their weights.  `multiplier` is the guess and the result;
    returns the largest |C(t_i, t_i) - 1|.
    """
    channels, s = M_BB.shape[:2]
    defect = np.inf
    for _ in range(20):
        for c in range(channels):
            P[c] = np.linalg.inv(np.eye(s) - A @ (M_BB[c] - np.diag(multiplier)))
            R_BB[c] = P[c] @ A
        v_B[:] = P[0] @ v_rhs
        for c in range(channels):
            transposed = np.ascontiguousarray(P[c].T)
            force = (MC_HB[c] + DR_HB[c]) @ transposed + D_BB[c] @ np.ascontiguousarray(R_BB[c].T)
            if c == 0:
                force += np.outer(drift, v_B)
            C_BB[c] = P[c] @ (P[c] @ C_last[c] + A @ force)
        previous = defect
        violation = np.full(s, -1.0)
        slope = np.zeros((s, s))
        for c in range(channels):
            violation += weights[c] * np.diag(C_BB[c])
            slope -= 2.0 * weights[c] * R_BB[c] * C_BB[c]
        defect = np.abs(violation).max()
        # At rounding level Newton's method stops gaining.
        if not np.isfinite(defect) or defect < 1e-15 or (defect < 1e-12 and defect > 0.1 * previous):
            break
        multiplier -= np.linalg.solve(slope, violation)
    return defect
