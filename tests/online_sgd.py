"""Problems of online SGD that several tests share."""

from pathlib import Path

import numpy as np

from dmft import Problem

REFERENCE = Path(__file__).parent / "data" / "online_sgd_erf_K2_M2.csv"

# The start of the reference file.
CASE_A = {
    "activation": "erf",
    "learning_rate": 0.5,
    "student_overlap": [[0.3, 0.02], [0.02, 0.25]],
    "cross_overlap": [[0.05, 0.01], [-0.02, 0.03]],
}


def online(t_max=100.0, tolerance=1e-5, solver=None, **problem) -> Problem:
    """A problem from the keys of its tables."""
    settings = {"t_max": t_max, "tolerance": tolerance, **(solver or {})}
    return Problem(problem={"model": "online-sgd", **problem}, solver=settings)


def random_start(students=2, teachers=2, **keys) -> Problem:
    """A start that is drawn, with everything else at usual values."""
    given = {"activation": "erf", "learning_rate": 0.2, "noise": 0.1, "dimension": 500, **keys}
    return online(student_units=students, teacher_units=teachers, **given)


def specialised(students, teachers) -> dict[str, list[list[float]]]:
    """Every teacher has its student, and the other students have no weights yet."""
    Q = np.diag(np.arange(students) < teachers).astype(float)
    return {"student_overlap": Q.tolist(), "cross_overlap": np.eye(students, teachers).tolist()}
