"""Errors of time of sampled flows: two runs with the same random numbers, on other cells."""

import numpy as np
import pytest

from dmft import Problem, Solution, solve
from dmft.cli.main import run
from dmft.engines.ends import nodes_of
from dmft.engines.halving import Halved
from dmft.engines.kinds import equations
from dmft.mathematics.tableau import cell_weights, radau
from dmft.models.two_layer_flow.exact.coupling import mixing, whole
from dmft.running.verify import verify
from tests.sampled.problems import GROUPS

BASE = {
    "width": 2, "samples_per_dimension": 3.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3, "alignment": 0.1,
    "init_scale": 1.5, "theory": "exact", "stages": 3, "tolerance": 1e-3, "t_max": 2.0, "samples": 256, "replicates": 2,
}  # fmt: skip
TAU = 1e-7


def problem(**keys) -> Problem:
    return Problem(**{**BASE, **keys})


def halves(ends: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([ends, (ends[1:] + ends[:-1]) / 2]))


@pytest.mark.parametrize("G", [1, 2])
def test_fields_on_half_cells_are_those_of_whole_cells(G):
    """Of smooth processes with G components, by their rows on either grid and the rotated numbers."""
    ends, stages = np.array([0.0, 0.2, 0.5, 1.0, 2.0]), 4
    tableau = radau(stages)
    time, fine = nodes_of(ends, tableau), nodes_of(halves(ends), tableau)
    parts = np.random.default_rng(0).standard_normal((3, G, G))

    def covariance(t: np.ndarray) -> np.ndarray:
        features = np.einsum("tk,kga->tgka", np.stack([np.exp(-t), np.ones_like(t), np.sin(t)], axis=1), parts)
        flat = features.reshape(len(t) * G, -1)
        return (flat @ flat.T).reshape(len(t), G, len(t), G)

    C, scales = covariance(time), np.full(len(ends), 3.0)
    Q = mixing(time, stages, C, scales, fine, TAU)
    np.testing.assert_allclose(Q @ Q.T, np.eye(len(fine) * G), atol=1e-12)
    X = whole(covariance(fine), stages, np.full(2 * len(ends) - 1, 3.0), TAU)
    known = np.tensordot(cell_weights(time, stages, fine), whole(C, stages, scales, TAU).reshape(len(time), G, -1), 1)
    difference = (X @ Q)[:, : len(time) * G] - known.reshape(len(fine) * G, -1)
    assert np.sqrt((difference**2).sum(axis=1)).max() < 0.02 * np.sqrt(np.einsum("tgtg->tg", C)).max()


@pytest.mark.slow
def test_differences_are_smaller_than_statistical_errors():
    """With fresh random numbers their scatter would be 1.4 times the errors of a set."""
    found = solve(problem(samples=512, replicates=4))
    finer = Halved(equations(found.problem), found.problem.solver, found.state.history)
    for _ in finer:
        pass
    differences = finer.differences()
    assert differences["alignment"].shape == (4, len(found.time))
    for name in ("train_error", "alignment", "second_layer"):
        of_a_set = found.standard_errors[name].max() * 2
        assert np.std(differences[name], axis=0, ddof=1).max() < 0.4 * of_a_set, name


def test_errors_of_a_linear_network_are_those_of_time_alone():
    """It has no statistical errors: the estimate is the error against a much finer run."""
    asked = problem(activation="linear", target=[0.0, 0.8], tolerance=1e-1, stages=2, samples=64, t_max=1.0, replicates=1)
    found = verify(solve(asked))
    exact = solve(asked.replace(tolerance=1e-5, stages=6))
    smaller = verify(solve(asked.replace(tolerance=1e-2)))
    for name in ("train_error", "test_error", "alignment"):
        assert smaller.estimated_errors[name].max() < 0.5 * found.estimated_errors[name].max()
        true = np.abs(found.observables[name] - exact.at(found.time)[name])
        assert found.estimated_errors[name].max() == pytest.approx(true.max(), rel=0.5), name


@pytest.mark.parametrize(
    "keys",
    [GROUPS, {"activation": "relu", "width": 1, "samples": 64}, {"samples": 64, "replicates": 1, "constraint": "none"}],
    ids=["groups", "kink", "one"],
)
def test_other_flows_are_verified(keys):
    found = verify(solve(problem(t_max=0.1, tolerance=1e-2, **keys)))
    assert found.estimated_errors.keys() == found.observables.keys()
    for name, errors in found.estimated_errors.items():
        assert errors.shape == found.observables[name].shape
        assert np.isfinite(errors).all()


def test_command_stores_and_says_errors_of_time(tmp_path, capsys):
    file, output = tmp_path / "problem.toml", tmp_path / "run.h5"
    file.write_text(problem(samples=64, t_max=0.1).to_toml())
    assert run(["solve", str(file), "-o", str(output), "--verify"]) == 0
    found = Solution.load(output)
    assert found.estimated_errors.keys() == found.observables.keys()
    assert found.distributions
    worst = found.errors_in_standard_errors()
    assert worst is not None
    assert f"{worst[1]:.2g} standard errors ({worst[0].replace('_', ' ')})" in " ".join(capsys.readouterr().out.split())
    run(["show", str(output)])
    assert "standard errors (" in " ".join(capsys.readouterr().out.split())
