"""Gradient descent: against the same equations written out in full, the flow, and finite networks."""

import numpy as np
import pytest

from dmft import Outcome, Problem, ProblemError, simulate, solve
from dmft.running.solve import StopRun
from dmft.simulation.compare import compare
from tests.comparison import assert_same, datasets

from .descending_neurons import DescendingNeurons

QUADRATIC = [0.0, 0.7**0.5, 0.3**0.5]


def problem(**keys) -> Problem:
    base = {
        "width": 2, "samples_per_parameter": 1.0, "activation": QUADRATIC, "target": [0.0, 1.0], "noise": 0.3,
        "alignment": 0.3, "scheme": "gradient-descent", "learning_rate": 0.5, "t_max": 20.0,
    }  # fmt: skip
    return Problem(**(base | keys))


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"width": 1},
        {"width": 3, "alignment": 0.0, "activation": [0.3, 0.8, 0.5, 0.2], "learning_rate": 0.2, "t_max": 8.0},
        {"train_second_layer": False, "learning_rate": 0.1, "t_max": 8.0},
        # Near instability, beyond it, and far beyond: twenty decades.
        {"learning_rate": 2.0, "t_max": 80.0},
        {"learning_rate": 3.0, "t_max": 60.0},
        {"learning_rate": 5.0, "t_max": 100.0},
    ],
    ids=str,
)
def test_equations_in_full(keys):
    asked = problem(**keys)
    found, twin = solve(asked), DescendingNeurons(asked).march()
    # Where steps are unstable rounding errors grow too.
    tolerance = 1e-9
    np.testing.assert_allclose(found.train_error, twin.train, rtol=tolerance)
    np.testing.assert_allclose(found.test_error, twin.test, rtol=tolerance)
    np.testing.assert_allclose(found.second_layer, twin.a[0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.alignment, twin.v[0, :, 0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.multiplier[:-1], twin.multiplier[0, :-1], rtol=100 * tolerance, atol=tolerance)
    np.testing.assert_allclose(found.kernels["C_d"], twin.C[0, :, 0], atol=tolerance)
    if asked.parameters.width > 1:
        np.testing.assert_allclose(found.kernels["C_o"], twin.C[0, :, 1], atol=tolerance)
    np.testing.assert_array_equal(np.diagonal(found.kernels["R_d"]), 0.0)


@pytest.mark.slow
def test_flow_is_the_limit_to_first_order():
    keys = {"width": 3, "alignment": 0.1, "t_max": 4.0}
    flow = solve(Problem(**{**problem(**keys).tables["problem"], "t_max": 4.0, "tolerance": 1e-8}))
    rates = np.array([0.08, 0.04, 0.02])
    for name in ("train_error", "test_error", "second_layer", "alignment", "multiplier"):
        errors = [
            abs(solve(problem(**keys, learning_rate=rate)).observables[name][-1] - flow.observables[name][-1]) for rate in rates
        ]
        assert np.polyfit(np.log(rates), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.1), name


@pytest.mark.slow
def test_eight_hundred_steps_have_three_digits():
    found = solve(problem(width=3, alignment=0.1, learning_rate=0.025))
    values = [found.observables[name][-1] for name in ("train_error", "test_error", "second_layer", "alignment")]
    np.testing.assert_allclose(values, [0.008163, 0.292149, 1.694775, 0.511446], rtol=3e-3)


@pytest.mark.parametrize(
    "keys",
    [
        {"width": float("inf")},
        {"init": "lazy", "width": 50, "t_max": 2.0, "learning_rate": 0.01},
        {"target": "none", "alignment": 0.0, "activation": "erf", "samples_per_parameter": 3.0},
    ],
    ids=str,
)
def test_other_problems(keys):
    found = solve(problem(**keys))
    assert found.complete
    assert found.train_error[-1] < found.train_error[0]
    np.testing.assert_allclose(np.diagonal(found.kernels["C_d"]), 1.0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [0.2, 1.0], ids=["small", "large"])
def test_finite_networks(learning_rate):
    """1.0 is half of what makes the steps unstable."""
    asked = problem(learning_rate=learning_rate, t_max=20 * learning_rate)
    simulations = [simulate(asked, dim=dim, seeds=24, fields="gaussian", times=10) for dim in (50, 100)]
    assert compare(solve(asked), simulations).agrees()


@pytest.mark.slow
def test_finite_networks_diverge_together():
    asked = problem(learning_rate=5.0, t_max=60.0)
    simulation = simulate(asked, dim=200, seeds=6, fields="gaussian", times=13)
    steps = np.rint(simulation.time / 5.0).astype(int)
    growth = np.log(simulation.train_error / solve(asked).train_error[steps])
    assert np.abs(growth).max() < 1.0
    assert np.log(simulation.train_error[-1] / simulation.train_error[0]) > 25.0


def test_divergence_is_an_outcome():
    found = solve(problem(learning_rate=50.0, t_max=10_000.0))
    assert found.outcome is Outcome.DIVERGED
    assert 5 < len(found.time) < 200
    assert np.isfinite(found.train_error).all()


def test_stop_and_resume_is_bit_for_bit(tmp_path):
    asked = problem(learning_rate=0.1, t_max=15.0)
    whole = solve(asked)

    def stop(march, cell):
        if cell.time > 7.0:
            raise StopRun

    stopped = solve(asked, observers=[stop])
    assert stopped.outcome is Outcome.INTERRUPTED
    for name, solution in (("whole", whole), ("resumed", solve(asked, start=stopped))):
        solution.save(tmp_path / f"{name}.h5")
    assert_same(datasets(tmp_path / "resumed.h5"), datasets(tmp_path / "whole.h5"))


def test_extended_run_has_the_same_steps():
    short, long = solve(problem(t_max=10.0)), solve(problem(t_max=20.0))
    extended = solve(problem(t_max=20.0), start=short)
    np.testing.assert_array_equal(extended.time, long.time)
    np.testing.assert_allclose(extended.train_error, long.train_error, rtol=1e-11)


def test_values_between_steps_are_on_lines():
    found = solve(problem())
    assert found.at(5.0)["train_error"] == pytest.approx(found.train_error[10], rel=1e-14)
    assert found.at(5.2)["train_error"] == pytest.approx(0.6 * found.train_error[10] + 0.4 * found.train_error[11], rel=1e-14)
    assert found.early_stopping.time in found.time


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"learning_rate": None}, "learning_rate is missing"),
        ({"scheme": "radau"}, "wanted only with scheme"),
        ({"t_max": 20.2}, "whole number of steps"),
        ({"learning_rate": 0.0}, "> 0"),
        ({"t_max": 1e6}, "max_nodes"),
    ],
    ids=str,
)
def test_bad_input(keys, words):
    given = {**problem().tables["problem"], **problem().tables["solver"], **keys}
    with pytest.raises(ProblemError, match=words) as raised:
        Problem(**{key: value for key, value in given.items() if value is not None})
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_command_line(dmft, tmp_path):
    file, run, far = tmp_path / "problem.toml", tmp_path / "run.h5", tmp_path / "far.h5"
    file.write_text(problem().to_toml())
    for arguments in (("plan", file), ("solve", file, "-o", run), ("plot", run), ("show", run), ("cite", run)):
        assert dmft(*arguments).code == 0
    ended = dmft("solve", file, "-o", far, "--set", "solver.learning_rate=50", "--set", "solver.t_max=1e4")
    assert ended.code == 3
    assert "diverged at t = " in ended.err
    assert far.exists()
