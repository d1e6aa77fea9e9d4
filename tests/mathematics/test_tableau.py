"""Nodes of the Radau IIA schemes."""

import numpy as np
import pytest
from scipy.special import roots_jacobi

from dmft.mathematics.tableau import INNER_NODES


@pytest.mark.parametrize("stages", range(2, 10))
def test_inner_nodes_are_zeros_of_jacobi_polynomials(stages):
    zeros = (np.sort(roots_jacobi(stages - 1, 1, 0)[0]) + 1) / 2
    np.testing.assert_allclose(INNER_NODES[stages - 1], zeros, rtol=0, atol=2e-16)
