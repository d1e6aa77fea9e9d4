"""What the tests of the hinge loss share."""

from dmft import Problem


def hinge(**keys) -> Problem:
    """A problem with alpha = h = s_a = s_w = 1 and an infinite data set."""
    return Problem(**{"model": "hinge", "laziness": 1.0, "t_max": 10.0, **keys})
