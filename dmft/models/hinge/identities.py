"""Identities of gradient flow with the hinge loss."""

from __future__ import annotations

import numpy as np

from dmft.models import identities
from dmft.problem.description import Solved


def of(solution: Solved, variance: float, rotating: bool, one_direction: bool) -> dict[str, float]:
    """Identities of the loss; rotating: all nodes turn by one rotation; one_direction: about one axis, as in infinite data.

    The part of dp/dt along p gives the squared speed (s_a + s_w) cosh(2g) (dg/dt)^2, and the part across adds to it.
    """
    found = solution.observables
    train = found["train_error"]
    defects = {"the training error never climbs": identities.climb(solution, train)}
    if rotating:
        g = found["rotation"]
        speed = variance * np.cosh(2 * g) * identities.rate(solution, g) ** 2
        if one_direction:
            defects["d train/dt = -squared speed"] = identities.fall(solution, train, speed)
        else:
            rest = np.maximum(identities.not_fallen(solution, train, speed), 0.0)
            defects["d train/dt <= -squared speed along p"] = identities.defect(solution, rest, float(train.max()))
        length = np.hypot(found["slope"], found["slope_across"])
        size = float(length.max())
        defects["|D| = (s_a + s_w) sinh(2g)/4"] = identities.defect(solution, length - variance / 4 * np.sinh(2 * g), size)
    return defects
