"""Identities that theories declare hold at random parameters, and deliberate errors in the equations break them."""

import dataclasses
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from dmft import Problem, solve
from dmft.models.online_sgd.equations import OnlineSGD
from dmft.models.random_features.equations import RandomFeatures
from dmft.models.two_layer_flow.equations import TwoLayerFlow
from dmft.models.two_layer_flow.groups import GroupedFlow
from dmft.problem import registry
from tests.random_points import POINTS, point

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "spiked_tensor.py"
SEED = int(os.environ.get("DMFT_SEED", "1"))
# Of the part that is changed.
WRONG = 1.1
PARTS = ("M", "D", "drift", "rates")
NETWORK = {"width": 4, "samples_per_parameter": 1.0, "activation": [0.1, 0.8, 0.5], "target": [0.0, 1.0, 0.3], "noise": 0.3}
GROUPS = {**NETWORK, "neurons": [{"fraction": 0.5, "second_layer": 1.0}, {"fraction": 0.5, "second_layer": -0.5}]}


@pytest.fixture(autouse=True)
def example():
    """The module of the example theory, which is known while the test lasts."""
    spec = importlib.util.spec_from_file_location("spiked_tensor", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "spiked_tensor", module)
        spec.loader.exec_module(module)
        with registry.trying("spiked-tensor", module.SpikedTensorParameters):
            yield module


def check(model: str, index: int, **solver) -> None:
    """Solve one problem and hold it to its identities; what fails says how to draw it again."""
    problem = point(model, SEED, index, **solver)
    label = f"DMFT_SEED={SEED}, {model} {index}: {problem.to_toml()}"
    solution = solve(problem)
    assert solution.complete, label
    defects = solution.identities()
    assert defects, label
    assert all(defect <= 1 for defect in defects.values()), f"{defects} {label}"


def test_every_theory_is_tried():
    assert set(registry.names()) == POINTS.keys()


@pytest.mark.parametrize("index", range(2))
@pytest.mark.parametrize("model", POINTS)
def test_identities_at_random_parameters(model, index):
    check(model, index)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(2, 8))
@pytest.mark.parametrize("model", POINTS)
def test_identities_at_more_random_parameters(model, index):
    check(model, index, t_max=10.0, tolerance=10.0 ** -(3 + index % 3), stages=3 + index % 4)


@pytest.mark.parametrize("model", ["two-layer-flow", "spherical-pspin"])
def test_identities_of_gradient_descent(model):
    check(model, 0, scheme="gradient-descent", learning_rate=0.1)


def broken(monkeypatch, equations: type, change) -> None:
    """Change what the equations return as forces."""
    right = equations.forces
    monkeypatch.setattr(equations, "forces", lambda *given, **more: change(right(*given, **more)))


def scaled(part: str):
    """A wrong factor in one part of the forces."""

    def change(forces):
        values = getattr(forces, part)
        wrong = tuple(WRONG * array for array in values) if isinstance(values, tuple) else WRONG * values
        return dataclasses.replace(forces, **{part: wrong})

    return change


def without_noise(forces):
    """No noise in the first channel."""
    return dataclasses.replace(forces, D=tuple(np.concatenate([0 * D[:1], D[1:]]) for D in forces.D))


def worst(problem: Problem) -> float:
    """The largest defect of a run, complete or not."""
    return max(solve(problem.replace(max_nodes=300)).identities().values())


@pytest.mark.parametrize("part", PARTS[:3])
@pytest.mark.parametrize("index", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_errors_in_the_spiked_tensor_are_caught(monkeypatch, example, part, index):
    problem = point("spiked-tensor", SEED, index)
    assert worst(problem) <= 1
    broken(monkeypatch, example.SpikedTensor, scaled(part))
    assert worst(problem) > 1, problem.to_toml()


@pytest.mark.slow
@pytest.mark.parametrize("error", [*PARTS, "noise"])
@pytest.mark.parametrize(("keys", "equations"), [(NETWORK, TwoLayerFlow), (GROUPS, GroupedFlow)], ids=["alike", "groups"])
def test_errors_in_the_two_layer_flow_are_caught(monkeypatch, keys, equations, error):
    problem = Problem(**keys, alignment=0.3, t_max=3.0, tolerance=1e-4)
    assert worst(problem) <= 1
    broken(monkeypatch, equations, without_noise if error == "noise" else scaled(error))
    assert worst(problem) > 1


def test_error_in_the_rates_of_online_sgd_is_caught(monkeypatch):
    """Of R, which descends the error; of what SGD adds to Q the sign alone is known."""
    keys = {"activation": "linear", "student_units": 2, "teacher_units": 1, "dimension": 50, "learning_rate": 0.3}
    problem = Problem(problem={"model": "online-sgd", **keys}, solver={"t_max": 3.0, "tolerance": 1e-4})
    assert worst(problem) <= 1
    right = OnlineSGD.rate

    def wrong(self, time, y):
        rates = right(self, time, y)
        rates[3:] *= WRONG
        return rates

    monkeypatch.setattr(OnlineSGD, "rate", wrong)
    assert worst(problem) > 1


def test_error_in_the_fluctuations_of_random_features_is_caught(monkeypatch):
    problem = point("random-features", SEED, 0)
    assert worst(problem) <= 1
    right = RandomFeatures.evaluate

    def wrong(self, t):
        found = right(self, t)
        noise = found["generalization_error"] - found["mean_error"]
        return {**found, "generalization_error": found["mean_error"] + WRONG * noise}

    monkeypatch.setattr(RandomFeatures, "evaluate", wrong)
    assert worst(problem) > 1
