"""What the tests of the spherical p-spin glass share."""

import numpy as np

from dmft import Problem, Solution
from dmft.mathematics.tableau import lagrange


def pspin(couplings: dict[str, float], t_max: float = 20.0, **keys) -> Problem:
    """A problem with f(q) = sum_p f_p q^p."""
    return Problem(model="spherical-pspin", couplings=couplings, t_max=t_max, **keys)


def kernel_at(solution: Solution, name: str, t: float, t_prime: float) -> float:
    """A kernel between the nodes, by the polynomials of the two cells."""
    rows, columns = (solution._cell(int(np.searchsorted(solution.time, x))) for x in (t, t_prime))
    along_t, along_t_prime = (
        lagrange(solution.time[nodes], np.array([x]))[:, 0] for nodes, x in ((rows, t), (columns, t_prime))
    )
    return float(along_t @ solution.kernels[name][np.ix_(rows, columns)] @ along_t_prime)
