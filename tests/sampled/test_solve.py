"""The exact theory as a whole: limits, standard errors, continuation, failures and files."""

import numpy as np
import pytest

from dmft import Outcome, Problem, ProblemError, Solution, solve
from dmft.running.solve import StopRun


def problem(**keys) -> Problem:
    base = {
        "width": 2, "samples_per_dimension": 2.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3, "alignment": 0.2,
        "theory": "exact", "scheme": "gradient-descent", "learning_rate": 0.4, "t_max": 4.0, "samples": 256, "replicates": 3,
    }  # fmt: skip
    return Problem(**(base | keys))


def gaussian(asked: Problem) -> Problem:
    return Problem.from_tables(
        {
            "problem": asked.tables["problem"],
            "solver": {k: asked.tables["solver"][k] for k in ("t_max", "scheme", "learning_rate")},
        }
    )


@pytest.mark.parametrize("keys", [{}, {"width": 1}, {"width": 3, "train_second_layer": False}], ids=str)
@pytest.mark.parametrize("samples", [128, 300])
def test_linear_network_is_that_of_the_gaussian_theory(keys, samples):
    asked = problem(activation="linear", target=[0.0, 0.8], init_scale=1.2, t_max=12.0, samples=samples, replicates=1, **keys)
    found, known = solve(asked), solve(gaussian(asked))
    for name, values in known.observables.items():
        np.testing.assert_allclose(found.observables[name], values, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(found.kernels["C_d"], known.kernels["C_d"], atol=1e-6)
    np.testing.assert_allclose(found.kernels["R_d"], known.kernels["R_d"], atol=1e-6)


def test_standard_errors_say_how_far_replicates_are_apart():
    """Of 24 runs with three sets each, against the scatter of their means, which is known to 15 %."""
    found = [solve(problem(seed=seed, t_max=2.0)) for seed in range(24)]
    for name in ("train_error", "alignment", "second_layer"):
        means = np.array([one.observables[name][-1] for one in found])
        said = np.sqrt(np.mean([one.standard_errors[name][-1] ** 2 for one in found]))
        assert said == pytest.approx(means.std(ddof=1), rel=0.5), name


def test_errors_fall_as_the_root_of_the_number_of_samples():
    numbers = np.array([128, 512, 2048])
    errors = [solve(problem(samples=int(n), replicates=8, t_max=2.0)).standard_errors["train_error"][-1] for n in numbers]
    assert np.polyfit(np.log(numbers), np.log(errors), 1)[0] < -0.35


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"batch": 0.5, "batch_time": 1.0, "momentum": 0.5, "nesterov": True},
        {"activation": "relu", "batch": 0.5},
        {"labels": "sign", "loss": "logistic", "constraint": "none", "weight_decay": 0.1, "momentum": 0.3},
    ],
    ids=str,
)
def test_stop_and_resume_and_more_samples_are_bit_for_bit(tmp_path, keys):
    asked = problem(samples=1100, replicates=2, **keys)
    whole = solve(asked)

    def stop(march, cell):
        if cell.time > 1.0:
            raise StopRun

    fewer = asked.replace(samples=1024, replicates=1)
    assert solve(fewer, observers=[stop], output=tmp_path / "run.h5").outcome is Outcome.INTERRUPTED
    assert solve(fewer, output=tmp_path / "run.h5").outcome is Outcome.DONE
    solve(asked, output=tmp_path / "run.h5")
    found = Solution.load(tmp_path / "run.h5")
    for name, values in whole.observables.items():
        np.testing.assert_array_equal(found.observables[name], values)
    for name, values in whole.standard_errors.items():
        np.testing.assert_array_equal(found.standard_errors[name], values)
    np.testing.assert_array_equal(found.kernels["C_d"], whole.kernels["C_d"])
    with pytest.raises(ProblemError, match="has samples"):
        solve(asked.replace(samples=1024), output=tmp_path / "run.h5")


def test_kinks_are_extrapolated_to_zero_width():
    """At half the width the extrapolation moves by less than the first difference."""
    coarse, fine = (solve(problem(activation="relu", t_max=2.0, kink_width=w)) for w in (0.2, 0.1))
    assert abs(fine.test_error[-1] - coarse.test_error[-1]) < 0.01 * fine.test_error[0]


def test_divergence_and_noise_are_outcomes():
    found = solve(problem(activation="cubic", learning_rate=40.0, t_max=4000.0, train_second_layer=False, constraint="none"))
    assert found.outcome is Outcome.DIVERGED
    assert np.isfinite(found.train_error).all()
    noisy = solve(problem(activation="cubic", samples=64, batch=0.05, learning_rate=0.5, t_max=100.0, seed=3))
    if noisy.outcome is Outcome.TOO_NOISY:
        assert noisy.samples_needed > 64
        assert str(noisy.samples_needed) in noisy.advice


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"theory": "gaussian", "samples": None, "replicates": None, "seed": None, "kink_width": None, "batch": 0.5},
            'wanted theory = "exact"',
        ),
        ({"theory": "gaussian", "replicates": None}, "samples = 256: wanted only"),
        ({"width": 17}, "at most 16"),
        ({"activation": "sign"}, "wanted one of"),
        ({"loss": "logistic"}, 'wanted labels = "sign"'),
        ({"weight_decay": 0.1}, 'wanted only with constraint = "none"'),
        ({"batch_time": 1.0}, "wanted only with batch < 1"),
        ({"nesterov": True}, "wanted only with momentum > 0"),
        ({"model": "spherical-pspin"}, "unknown key"),
    ],
    ids=str,
)
def test_bad_input(keys, words):
    given = {**problem().tables["problem"], **problem().tables["solver"], **keys}
    with pytest.raises(ProblemError, match=words) as raised:
        Problem(**{key: value for key, value in given.items() if value is not None})
    assert "\n" not in str(raised.value)
