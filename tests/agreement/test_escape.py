"""Escapes from saddles: a run whose early errors grow says so, and by how much they have grown."""

import importlib.util
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dmft import Problem, solve
from dmft.engines.escape import LARGE, amplified
from dmft.engines.march import March
from dmft.engines.step_control import FLOOR
from dmft.mathematics.tableau import cell_weights
from dmft.models.protocol import Forces
from dmft.problem.settings import SolverSettings

EXAMPLE = importlib.util.spec_from_file_location(
    "spiked_tensor_example", Path(__file__).parents[2] / "docs" / "examples" / "spiked_tensor.py"
)
assert EXAMPLE is not None
assert EXAMPLE.loader is not None
example = sys.modules[EXAMPLE.name] = importlib.util.module_from_spec(EXAMPLE)
EXAMPLE.loader.exec_module(example)

QUADRATIC = {"activation": [0, 0.7**0.5, 0.3**0.5], "target": [0, 0, 1.0], "samples_per_parameter": 10.0, "noise": 0.3}
# Two groups on two directions, far from and near to their symmetry.
HALVES = {"activation": "erf", "target": {"committee": "erf", "directions": 2}, "noise": 0.1, "t_max": 300.0}
NETWORKS = {
    "mean-field": {**QUADRATIC, "alignment": 1e-3},
    "larger start": {**QUADRATIC, "alignment": 0.01},
    "lazy": {**QUADRATIC, "alignment": 0.01, "init": "lazy", "init_scale": 0.3},
    "infinite width": {**QUADRATIC, "alignment": 0.005, "width": math.inf},
    "two groups": {**HALVES, "neurons": [{"fraction": 0.5, "alignment": [x, 0.2 - x]} for x in (0.11, 0.09)]},
    "nearly alike": {**HALVES, "neurons": [{"fraction": 0.5, "alignment": [x, 0.2 - x]} for x in (0.101, 0.099)]},
}
# f and g by their powers, v(0), and a time after the escape.
TENSORS = {
    "quadratic and cubic": ({2: 0.5, 3: 0.5}, {2: 0.8, 3: 1.0}, 1e-3, 1000.0),
    "cubic noise": ({3: 0.5}, {2: 0.8, 3: 1.0}, 1e-3, 100.0),
    "quartic": ({2: 0.3, 4: 0.3}, {2: 0.7, 4: 0.5}, 1e-2, 400.0),
    "quartic noise": ({4: 0.5}, {2: 1.0, 4: 1.0}, 1e-3, 100.0),
    "small start": ({3: 0.5}, {2: 1.0}, 1e-4, 100.0),
}


def problem(**keys) -> Problem:
    asked = {"width": 10, "samples_per_parameter": 1.0, "t_max": 100.0, "tolerance": 1e-4, **keys}
    if asked["width"] == math.inf:
        asked["samples_per_dimension"] = asked.pop("samples_per_parameter")
    return Problem(**asked)


@dataclass(frozen=True)
class Mixture(example.SpikedTensor):
    """Noise and signal of several powers: f = sum_p f_p q^p and g = sum_p g_p v^p."""

    noise: dict
    tilt: dict

    def forces(self, history, rows, known=None):
        (C,), (R,), v = rows.C, rows.R, rows.overlap
        M = np.sum([c * p * (p - 1) * C ** (p - 2) for p, c in self.noise.items()], axis=0) * R
        D = np.sum([c * p * C ** (p - 1) for p, c in self.noise.items()], axis=0)
        drift = np.sum([c * p * v ** (p - 1) for p, c in self.tilt.items()], axis=0)
        return Forces((M,), (D,), drift, rates=np.empty((0, v.size)), kernels={}, values={})

    def observe(self, history, rows, forces, multiplier):
        energy = -np.einsum("sj,sj->s", forces.D[0][0], rows.R[0][0]) - sum(
            c * rows.overlap[0] ** p for p, c in self.tilt.items()
        )
        return {"energy": energy, "multiplier": multiplier[:, 0], "alignment": rows.overlap[0]}


def run(case, tolerance):
    f, g, start, t_max = TENSORS[case]
    march = March(Mixture(3, 1.0, start, f, g), SolverSettings(t_max=t_max, tolerance=tolerance))
    with np.errstate(all="ignore"):
        for _ in march:
            pass
    assert march.time == t_max
    return march.history


def largest_error(history, finer, names):
    """Largest error of any observable, as the tolerance counts it."""
    to_nodes, found = cell_weights(finer["time"], 6, history["time"]), []
    for name in names:
        exact = to_nodes @ finer[name]
        found.append(np.abs(history[name] - exact) / np.maximum(np.abs(exact), FLOOR * np.abs(exact).max()))
    return float(np.max(found))


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [1e-4, 1e-5])
@pytest.mark.parametrize("case", TENSORS)
def test_spiked_tensors(case, tolerance):
    """A run that is not flagged is within LARGE tolerances; of one that is, a second run finds the error to a factor of 3."""
    history, finer, exact = (run(case, factor * tolerance) for factor in (1, 0.1, 1e-3))
    names = list(example.DESCRIPTION.observables)
    error = largest_error(history, exact, names) / tolerance
    grown = amplified(history["time"], np.array([history[name] for name in names]), 6, tolerance).max()
    if grown < LARGE:
        assert error < LARGE
    else:
        assert error < 5 * grown
        assert error / 3 < largest_error(history, finer, names) / tolerance < 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("case", NETWORKS)
def test_networks(case):
    asked = problem(**NETWORKS[case])
    found, exact = solve(asked), solve(asked.replace(tolerance=1e-8), verify=False)
    error = max(found.errors(exact).values()) / asked.solver.tolerance
    said = found.largest_estimated_error()
    assert (said is None) == (found.amplification.factor < LARGE)
    if said is None:
        assert error < LARGE
    else:
        assert error / 2 < said[1] < 2 * error


def test_escape_is_told_without_being_asked():
    asked = problem(**NETWORKS["mean-field"], t_max=30.0)
    found = solve(asked)
    assert found.said_of_errors.startswith("errors up to ")
    assert found.said_of_errors in repr(found)
    unasked = solve(asked, verify=False)
    assert unasked.said_of_errors.startswith("not verified, errors may grow ")
    np.testing.assert_array_equal(found.time, unasked.time)
    np.testing.assert_array_equal(found.alignment, unasked.alignment)


@pytest.mark.parametrize(
    "keys",
    [
        {"width": 10, "activation": "erf", "target": [0, 1.0], "noise": 0.3},
        {"width": 100, "activation": "erf", "target": "none", "noise": 1.0},
        {"width": 100, "activation": "erf", "target": [0, 1.0], "noise": 0.3, "init": "lazy"},
        {"model": "spherical-pspin", "couplings": {"3": 0.5}},
    ],
)
def test_no_alarm_without_an_escape(keys):
    found = solve(Problem(**({"samples_per_parameter": 1.0} if "width" in keys else {}), **keys, t_max=300.0, tolerance=1e-4))
    assert not found.amplification.large
    assert found.said_of_errors == ""
