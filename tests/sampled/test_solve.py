"""The exact theory as a whole: limits, standard errors, continuation, failures and files."""

from dataclasses import replace

import numpy as np
import pytest

from dmft import Outcome, Problem, ProblemError, Solution, simulate, solve
from dmft.engines.kinds import equations
from dmft.engines.sampled import NOISE
from dmft.history.history import History
from dmft.models.two_layer_flow.exact.normals import Normals
from dmft.results.solution import State
from dmft.simulation.compare import compare
from tests.sampled.resuming import assert_bit_for_bit


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


def test_steps_with_exact_second_moments_are_said():
    """The normal numbers of that step are orthonormal, later ones are not; those have little weight in a smooth run."""
    asked = problem(activation="linear", target=[0.0, 0.8], t_max=20.0, samples=128, replicates=1, learning_rate=0.4)
    model, found, known = equations(asked), solve(asked), solve(gaussian(asked))
    m, r = model.alignment.shape
    normals = Normals(128, r + 1 + m, np.random.SeedSequence(0))

    def defect(steps):
        rows = normals.rows(r + 1 + m * (steps + 1))
        return np.abs(rows @ rows.T / 128 - np.eye(len(rows))).max()

    assert defect(model.exact_steps) < 1e-12
    assert defect(model.exact_steps + 40) > 0.01
    np.testing.assert_allclose(found.train_error, known.train_error, atol=1e-6)
    ((name, words),) = asked.parameters.findings(found)["sampling"]
    assert (name, words.split(",")[0]) == ("second moments", f"exact until t = {0.4 * model.exact_steps:.6g}")
    short = asked.replace(t_max=4.0)
    assert "sampling" not in short.parameters.findings(solve(short))


@pytest.mark.slow
def test_standard_errors_say_how_far_replicates_are_apart():
    """Of 24 runs with three sets each, against the scatter of their means, which is known to 15 %."""
    found = [solve(problem(seed=seed, t_max=2.0)) for seed in range(24)]
    for name in ("train_error", "alignment", "second_layer"):
        means = np.array([one.observables[name][-1] for one in found])
        said = np.sqrt(np.mean([one.standard_errors[name][-1] ** 2 for one in found]))
        assert said == pytest.approx(means.std(ddof=1), rel=0.5), name


@pytest.mark.slow
def test_errors_fall_as_the_root_of_the_number_of_samples():
    """Slopes of log(error) against log(samples), each error known to the relative 1/sqrt(2 degrees) of a sum of squares."""
    numbers, replicates = np.array([128, 512, 1024]), 64
    asked = [problem(samples=int(n), replicates=replicates, t_max=2.0, batch=0.25) for n in numbers]
    found, x = [solve(one).standard_errors for one in asked], np.log(numbers)
    of_slope = 1 / np.sqrt(2 * (replicates - 1) * ((x - x.mean()) ** 2).sum())
    for name in ("train_error", "test_error", "alignment", "second_layer"):
        slope = np.polyfit(x, np.log([errors[name][-1] for errors in found]), 1)[0]
        assert abs(slope + 0.5) < 3.5 * of_slope, (name, slope, of_slope)


@pytest.mark.slow
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
    assert_bit_for_bit(asked, tmp_path, stop_after=1.0)
    with pytest.raises(ProblemError, match="has samples"):
        solve(asked.replace(samples=1024), output=tmp_path / "whole.h5")


def test_kinks_are_extrapolated_to_zero_width():
    """Errors of the first outputs, with the same random numbers as those of the kink itself."""
    asked = problem(activation="relu", width=1, target="none", noise=0.0, alignment=0.0, t_max=0.4, samples=1024)
    one = equations(asked).sets[0]
    found = solve(asked.replace(replicates=1))
    fields = Normals(one.size, 3, np.random.SeedSequence(one.seed).spawn(2)[0]).rows(3)[2]
    expected = np.mean(np.maximum(fields, 0) ** 2) / 2
    assert found.test_error[0] == pytest.approx(expected, rel=1e-10)
    # Third orders in the width are left.
    assert found.train_error[0] == pytest.approx(expected, rel=5e-3)


@pytest.mark.slow
def test_extrapolated_kinks_do_not_depend_on_the_width():
    """Of runs with the same random numbers, in units of the change from one width to the next without extrapolation."""
    found = [solve(problem(activation="relu", t_max=4.0, samples=1024, kink_width=w)) for w in (0.2, 0.1)]
    for name in ("alignment", "test_error"):
        values = [one.observables[name][-1] for one in found]
        errors = [one.standard_errors[name][-1] for one in found]
        assert abs(values[0] - values[1]) < 0.01 * abs(values[1]) + max(errors), name


def test_divergence_is_an_outcome():
    found = solve(problem(activation="cubic", learning_rate=40.0, t_max=4000.0, train_second_layer=False, constraint="none"))
    assert found.outcome is Outcome.DIVERGED
    assert "learning_rate" in found.advice
    assert np.isfinite(found.train_error).all()


def test_noise_is_an_outcome_and_the_samples_that_it_names_would_do():
    """The noise of small batches fits the labels; with the number of samples that is named, a run gets past that time."""
    asked = problem(
        activation="linear", noise=0.5, samples_per_dimension=1.0, batch=0.05, learning_rate=0.5, samples=64, replicates=2,
        t_max=4.0, seed=1,
    )  # fmt: skip
    noisy = solve(asked)
    assert noisy.outcome is Outcome.TOO_NOISY
    assert noisy.outcome.failed
    assert noisy.time[-1] < 4.0
    relative = noisy.standard_errors["train_error"][-1] / noisy.train_error.max()
    assert max(relative, noisy.standard_errors["test_error"][-1] / noisy.test_error.max()) > NOISE
    assert f"samples = {noisy.samples_needed}" in noisy.advice
    more = solve(asked.replace(samples=noisy.samples_needed, t_max=float(noisy.time[-1])))
    assert more.outcome is Outcome.DONE
    assert more.residual < NOISE


def test_variance_that_is_left_close_to_the_target_is_known_to_rounding():
    """Samples of a student that recovers its teacher keep to it, at more steps than there are samples."""
    asked = problem(
        width=1, activation="quadratic", target=[0.0, 0.0, 1.0], noise=0.0, alignment=0.1, samples_per_dimension=3.0,
        learning_rate=0.2, t_max=20.0, samples=64, replicates=1,
    )  # fmt: skip
    found = solve(asked)
    assert found.outcome is Outcome.DONE
    assert found.train_error[-1] < 1e-3 * found.train_error[0]
    assert 1 - found.alignment[-1] < 1e-3


def test_what_does_not_fit_into_memory_is_refused_beforehand():
    asked = problem(samples=10**9, t_max=400.0)
    with pytest.raises(ProblemError, match=r"samples, replicates: a step needs .*are available") as raised:
        solve(asked)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("keys", [{}, {"activation": "relu"}], ids=str)
def test_processes_share_the_sets_bit_for_bit(keys):
    asked = problem(samples=1100, replicates=2, t_max=2.0, **keys)
    alone, shared = solve(asked), solve(asked, jobs=3)
    for name, values in {**alone.observables, **alone.kernels}.items():
        np.testing.assert_array_equal({**shared.observables, **shared.kernels}[name], values)
    with pytest.raises(ProblemError, match="jobs = 0"):
        solve(asked, jobs=0)


def test_correlations_of_forces_have_errors_and_groups(tmp_path):
    """D of the first step follows from the law of the first residuals; of groups, kernels are symmetric as a whole."""
    asked = problem(
        width=3, neurons=[{"count": 2, "second_layer": 1.0}, {"count": 1, "second_layer": -0.5}], samples=512, t_max=2.0
    )
    solve(asked, output=tmp_path / "run.h5")
    found = Solution.load(tmp_path / "run.h5")
    n = len(found.time)
    assert found.kernels["D_d"].shape == found.standard_errors["D_d"].shape == (n, n, 2)
    assert found.kernels["D_o"].shape == (n, n, 2, 2)
    for name in ("C_o", "D_o"):
        kernel = found.kernels[name]
        np.testing.assert_array_equal(kernel, kernel.transpose(1, 0, 3, 2))
    assert np.linalg.eigvalsh(found.kernels["D_d"][..., 0]).min() > -1e-12
    assert found.correlation("C_d", 1.0, 0.5).shape == (2,)
    assert found.response("R_o", 1.0, 0.5).shape == (2, 2)


def test_noise_of_a_linear_network_is_that_of_the_gaussian_theory():
    """D = a a' C_F/alpha."""
    asked = problem(activation="linear", samples=128, replicates=1)
    found, known = solve(asked), solve(gaussian(asked))
    a = known.second_layer
    np.testing.assert_allclose(found.kernels["D_d"], np.outer(a, a) * known.kernels["C_F"] / 2.0, atol=1e-6)


def test_several_directions_of_a_linear_network():
    asked = problem(
        activation="linear", width=3, target={"1,0": 0.8, "0,1": -0.5},
        neurons=[{"count": 2, "alignment": [0.2, 0.1]}, {"count": 1, "second_layer": -0.6, "alignment": [0.0, 0.3]}],
        alignment=0.0, samples=128, replicates=1,
    )  # fmt: skip
    found, known = solve(asked), solve(gaussian(asked))
    for name, values in known.observables.items():
        np.testing.assert_allclose(found.observables[name], values, atol=1e-6, err_msg=name)
    for name in ("C_d", "C_o"):
        np.testing.assert_allclose(found.kernels[name], known.kernels[name], atol=1e-6, err_msg=name)


def test_files_without_arrays_that_came_later_are_read(tmp_path):
    asked = problem(t_max=2.0)
    found = solve(asked)
    history = found.state.history
    fewer = History([field for name, field in history.fields.items() if name != "sets_D"], history.n)
    fewer.append({name: history[name] for name in fewer.fields})
    replace(found, state=State(fewer, found.state.next_step)).save(tmp_path / "run.h5")
    read = Solution.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(read.train_error, found.train_error)
    np.testing.assert_array_equal(read.error_degrees, found.error_degrees)
    with pytest.raises(ProblemError, match="observables only"):
        solve(asked.replace(t_max=4.0), output=tmp_path / "run.h5")


def test_comparison_adds_errors_and_counts_sets():
    """Of 3 replicates of two sets and 5 seeds: the errors add in squares, with the degrees of freedom of Welch."""
    asked = problem(samples=1100, t_max=2.0)
    theory, networks = solve(asked), simulate(asked, dim=30, seeds=5, times=3)
    np.testing.assert_array_equal(theory.error_degrees, 5.0)
    found = compare(theory, [networks]).observables["train_error"]
    node = np.searchsorted(theory.time, found.time - 1e-9)
    parts = np.array([networks.standard_errors["train_error"], theory.standard_errors["train_error"][node]])
    np.testing.assert_allclose(found.error, np.hypot(*parts), rtol=1e-12)
    np.testing.assert_allclose(found.degrees, found.error**4 / (parts.T**4 @ [1 / 4, 1 / 5]), rtol=1e-12)
    single = solve(asked.replace(samples=128, replicates=1))
    with pytest.raises(ProblemError, match="a single set of samples has no standard error"):
        compare(single, [networks])


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
