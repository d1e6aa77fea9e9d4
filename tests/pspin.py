"""What the tests of the spherical p-spin glass share."""

from dmft import Problem


def pspin(couplings: dict[str, float], t_max: float = 20.0, **keys) -> Problem:
    """A problem with f(q) = sum_p f_p q^p."""
    return Problem(model="spherical-pspin", couplings=couplings, t_max=t_max, **keys)
