"""Tables of two-point functions of an activation that has them in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dmft.compiled import njit


def tabulated(two_point: Callable[..., float], slopes: Callable[..., float], curvature: Callable[..., float]) -> Any:
    """The compiled function of C and a number of students that tabulates these of the first fields with all n, (3, K, n)."""

    @njit
    def pairs(C, students):
        found = np.empty((3, students, len(C)))
        for i in range(students):
            for a in range(len(C)):
                found[0, i, a] = two_point(C, i, a)
                found[1, i, a] = slopes(C, i, a)
                found[2, i, a] = curvature(C, i, a)
        return found

    return pairs
