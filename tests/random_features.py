"""What the tests of random features share."""

from dmft import Problem

KEYS = {
    "model": "random-features",
    "hidden_ratio": 2.0,
    "activation": "erf",
    "teacher_output": [1.0, 0.5],
    "learning_rate": 1.5,
    "noise": 0.3,
    "t_max": 100.0,
}


def random_features(**keys) -> Problem:
    """A problem with erf units, noise, and twice as many hidden units as inputs."""
    return Problem(**{**KEYS, **keys})
