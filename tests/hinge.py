"""What the tests of the hinge loss share."""

from dmft import Problem


def hinge(**keys) -> Problem:
    """A problem with alpha = h = s_a = s_w = 1 and an infinite data set."""
    return Problem(**{"model": "hinge", "laziness": 1.0, "t_max": 10.0, **keys})


def one_sided(**keys) -> Problem:
    """A problem with 25 examples in 5 dimensions, without mirror images."""
    return hinge(**{"samples": 25, "dimension": 5, "mirrored": False, "population": 100, **keys})
