"""dmft solve --verify: errors estimated by a second run, stored, shown and drawn."""

import numpy as np
import pytest

from dmft import Solution, solve
from dmft.cli.exit_codes import ExitCode
from dmft.models.two_layer_flow.parameters import TwoLayerFlowParameters
from dmft.plots import labels
from dmft.running.verify import verify


def test_estimated_errors_are_those_against_a_much_finer_run(small):
    problem = small.replace(tolerance=1e-4, t_max=5.0)
    found, finer, exact = verify(solve(problem)), solve(problem.replace(tolerance=1e-5)), solve(problem.replace(tolerance=1e-9))
    for name, errors in found.estimated_errors.items():
        expected = np.abs(found.observables[name] - exact.at(found.time)[name])
        np.testing.assert_allclose(errors, expected, atol=2e-5 * np.abs(found.observables[name]).max())
    name, worst = found.largest_estimated_error()
    # An estimate is off by no more than the error of the second run.
    assert worst == pytest.approx(found.errors(exact)[name] / 1e-4, abs=1.1 * finer.errors(exact)[name] / 1e-4)
    assert f"errors up to {worst:.2g} tolerances" in labels.ending(found)


def test_command_stores_and_says_them(dmft, quick, solved):
    assert not Solution.load(solved).estimated_errors
    told = dmft("solve", quick, "-o", solved, "--verify")
    assert told.code == ExitCode.DONE
    assert "tolerances (" in told.out
    found = Solution.load(solved)
    assert found.estimated_errors.keys() == found.observables.keys()
    assert all(errors.shape == found.time.shape for errors in found.estimated_errors.values())
    assert "largest error" in dmft("show", solved).out


def test_command_says_whether_identities_hold(dmft, quick, solved, monkeypatch):
    assert "holds within" not in dmft("solve", quick, "-o", solved).out
    told = dmft("solve", quick, "-o", solved, "--verify")
    names = Solution.load(solved).identities()
    assert names
    for name in names:
        assert f"  {name}: holds within " in told.out
    monkeypatch.setattr(TwoLayerFlowParameters, "identities", lambda self, solution: {"1 = 2": 3.0})
    told = dmft("solve", quick, "-o", solved, "--verify")
    assert "1 = 2: missed by 3 tolerances, wanted at most 1" in told.err


def test_identities_of_a_file_are_those_of_the_run(small, tmp_path):
    found = solve(small.replace(t_max=2.0), output=tmp_path / "run.h5")
    assert Solution.load(tmp_path / "run.h5").identities() == pytest.approx(found.identities(), rel=1e-6, abs=1e-9)


def test_errors_of_steps_of_samples_are_not_verified(dmft, tmp_path):
    """Refused before anything is solved, in one line."""
    (tmp_path / "problem.toml").write_text(
        'problem = { width = 1, samples_per_dimension = 2.0, activation = "tanh" }\n'
        'solver = { theory = "exact", scheme = "gradient-descent", learning_rate = 0.5, t_max = 1.0 }\n'
    )
    told = dmft("solve", tmp_path / "problem.toml", "-o", tmp_path / "run.h5", "--verify")
    assert told.code == ExitCode.BAD_INPUT
    assert 'verify: wanted theory = "gaussian"' in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "run.h5").exists()


@pytest.mark.slow
def test_real_networks_with_a_kink_go_through_every_command(dmft, tmp_path):
    """The Gaussian theory has no equations for them, and nothing may ask for these."""
    (tmp_path / "problem.toml").write_text(
        'problem = { width = 1, samples_per_dimension = 2.0, activation = "relu", target = "relu" }\n'
        'solver = { theory = "exact", scheme = "gradient-descent", learning_rate = 0.5, t_max = 1.0, samples = 64 }\n'
    )
    run = tmp_path / "run.h5"
    for command in (("plan", tmp_path / "problem.toml"), ("solve", tmp_path / "problem.toml", "-o", run), ("show", run)):
        assert dmft(*command).code == ExitCode.DONE
    assert dmft("plot", run, "-o", tmp_path / "run.png").code == ExitCode.DONE
