"""Identities of online SGD: overlaps are covariances, and the weights descend the gradient of the generalisation error.

With H_ik = d eps/dQ_ik, which is counted for w_i and for w_k, the mean steps are

    dw_i = -lr [sum_k H_ik w_k + sum_n (d eps/dR_in) B_n] - wd w_i,      dv = -lr2 d eps/dv - wd v.

They give dR/dt and dv/dt; dQ/dt has the covariance of the steps in addition.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dmft.models import identities
from dmft.models.online_sgd.equations import OnlineSGD
from dmft.problem.description import Solved

Array = NDArray[np.float64]
# Cells on which the gradient is compared, at most: it is made of differences.
CELLS = 8
# Steps of the differences.
STEP = 1e-4


def of(solution: Solved, model: OnlineSGD) -> dict[str, float]:
    """Identities of Q, R and v; none of those of a run that did not keep them."""
    orders = solution.order_parameters
    if not orders:
        return {}
    Q, R, v = (orders[name] for name in ("Q", "R", "v"))
    T = np.broadcast_to(model.T, (len(Q), *model.T.shape))
    missing, noise = zip(*_steps(solution, model, Q, R, v), strict=True)
    size = max(float(np.abs(array).max()) for array in (Q, R, v))
    return {
        "[[Q, R], [R^T, T]] >= 0": identities.positive(solution, np.block([[Q, R], [np.swapaxes(R, 1, 2), T]])),
        "R and v descend the error": identities.defect(solution, np.concatenate(missing), size),
        "the noise of SGD adds to Q": identities.defect(solution, np.minimum(np.linalg.eigvalsh(noise), 0.0), size),
    }


def _steps(solution: Solved, model: OnlineSGD, Q: Array, R: Array, v: Array) -> Iterator[tuple[Array, Array]]:
    """For some cells: by how much R and v miss the change that they should make in it; what noise has added to Q."""
    cells = list(identities.cells(solution))
    for some in np.unique(np.linspace(0, len(cells) - 1, CELLS).astype(int)):
        nodes, _, weights = cells[some]
        inner = range(nodes.start + 1, nodes.stop)
        rates = [mean_rates(model, Q[i], R[i], v[i]) for i in inner]
        dQ, dR, dv = (np.tensordot(weights, np.array(each), 1) for each in zip(*rates, strict=True))
        changes = [array[nodes.stop - 1] - array[nodes.start] for array in (Q, R, v)]
        yield np.append((changes[1] - dR).ravel(), changes[2] - dv), changes[0] - dQ


def mean_rates(model: OnlineSGD, Q: Array, R: Array, v: Array) -> tuple[Array, Array, Array]:
    """dQ/dt without the noise of SGD, dR/dt and dv/dt, from differences of the generalisation error."""
    trained, decay = model.train_second_layer, model.weight_decay
    y = model.packed(Q, R, v)
    moves = STEP * np.eye(len(y))
    up, down = (model.observe(y[:, None] + sign * moves)["generalization_error"] for sign in (1.0, -1.0))
    by_y = ((up - down) / (2 * STEP))[:, None]
    gradient = {name: values[0] for name, values in model.order_parameters(by_y).items()}
    H, by_R = gradient["Q"] * (1.0 + np.eye(len(Q))), gradient["R"]
    drift = -model.learning_rate * (H @ Q + by_R @ R.T) - decay * Q
    dR = -model.learning_rate * (H @ R + by_R @ model.T) - decay * R
    dv = -model.second_layer_learning_rate * gradient["v"] - decay * v if trained else np.zeros_like(v)
    return drift + drift.T, dR, dv
