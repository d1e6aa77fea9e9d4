"""Panels of order parameters: one line an entry, through the nodes."""

import numpy as np
import pytest

from dmft import solve
from tests.online_sgd import random_start


@pytest.mark.parametrize("both", [False, True])
def test_every_entry_is_a_line(both):
    solution = solve(random_start(3, 2, train_second_layer=both))
    error, *panels = solution.plot().axes
    assert [len(panel.lines) for panel in panels] == ([6, 9, 3] if both else [6, 9])
    times, values = panels[0].lines[-1].get_data()
    assert times[-1] == solution.time[-1]
    assert values[-1] == pytest.approx(solution.order_parameters["R"][-1, 2, 1], rel=1e-12)
    dashed = [line.get_linestyle() == "--" for line in panels[1].lines]
    np.testing.assert_array_equal(np.reshape(dashed, (3, 3)), ~np.eye(3, dtype=bool))
    assert error.get_yscale() == "log"
    assert "K = 3" in solution.plot().get_suptitle()


def test_between_the_nodes():
    solution = solve(random_start(3, 2))
    fine = solve(random_start(3, 2, tolerance=1e-9))
    for t in (0.0, 0.3, 7.0, 100.0):
        for name, values in solution.order_parameters_at(t).items():
            np.testing.assert_allclose(values, fine.order_parameters_at(t)[name], atol=1e-4)
