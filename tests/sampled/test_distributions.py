"""Distributions over samples: closed forms, moments that the run knows otherwise, networks, files and figures."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy.stats import norm

from dmft import Problem, ProblemError, Solution, solve
from dmft.cli.main import run
from dmft.engines.distributions import BINS, distribution
from dmft.problem.output import usual_times
from tests.sampled.problems import GROUPS
from tests.shown import texts

BASE = {
    "width": 2, "samples_per_dimension": 3.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3, "alignment": 0.1,
    "init_scale": 1.5, "theory": "exact", "stages": 3, "tolerance": 1e-3, "t_max": 0.5, "samples": 256, "replicates": 2,
}  # fmt: skip
DESCENT = {"scheme": "gradient-descent", "learning_rate": 0.05, "stages": 6, "tolerance": 1e-5}
TIMES = [0.0, 0.07, 0.5]


def problem(**keys) -> Problem:
    return Problem(**{**BASE, "distributions": TIMES, **keys})


@pytest.fixture(scope="module")
def flow() -> Solution:
    return solve(problem())


def assert_gaussian(found: Solution, name: str, k: int, deviation: float, numbers: int) -> None:
    """Every bin within 4.5 standard errors of independent numbers, and the kurtosis within 4 of its own."""
    edges, density = (found.distributions[f"{name}_{part}"][k] for part in ("edges", "density"))
    expected = np.diff(norm.cdf(edges, scale=deviation))
    error = np.sqrt(expected / numbers) + 1 / numbers
    assert np.abs(density * np.diff(edges) - expected).max() < 4.5 * error.max()
    assert (np.abs(density * np.diff(edges) - expected) < 4.5 * error).all()
    kurtosis, scatter = found.distributions[f"{name}_kurtosis"][k], found.standard_errors[f"{name}_kurtosis"][k]
    assert abs(kurtosis - 3) < 4 * max(scatter, np.sqrt(24 / numbers))


def test_preactivations_are_gaussian_at_the_start(flow):
    assert_gaussian(flow, "preactivation", 0, 1.0, 2 * 2 * 512)
    assert flow.distributions["preactivation_deviation"][0] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("scheme", [{}, DESCENT], ids=["flow", "descent"])
def test_residuals_of_a_linear_network_are_gaussian_at_all_times(scheme):
    """With the variance that the Gaussian theory has, which is exact for it."""
    found = solve(problem(activation="linear", target=[0.0, 0.8], **scheme))
    own = {key: value for key, value in found.problem.tables["solver"].items() if key in ("t_max", "tolerance", "stages")}
    known = solve(Problem(problem=found.problem.tables["problem"], solver=own | scheme))
    for k, time in enumerate(found.distributions["distribution_time"]):
        deviation = np.sqrt(2 * known.at(time)["train_error"])
        moments = (found.distributions[f"residual_{moment}"][k] for moment in ("mean", "deviation"))
        assert np.hypot(*moments) == pytest.approx(deviation, rel=1e-4)
        assert_gaussian(found, "residual", k, deviation, 2 * 512)


@pytest.mark.parametrize("keys", [{}, DESCENT, {"loss": "huber", "loss_width": 50.0}], ids=["flow", "descent", "huber"])
def test_mean_square_residual_is_the_train_error(keys):
    """Of the same samples: at nodes, between nodes, and at steps."""
    found = solve(problem(**keys))
    own = found.state.history["sets_train_error"].mean(axis=0)
    found = replace(found, observables={**found.observables, "train_error": own})
    times = found.distributions["distribution_time"]
    assert times == pytest.approx([0.0, 0.05, 0.5] if keys is DESCENT else TIMES)
    squares = found.distributions["residual_mean"] ** 2 + found.distributions["residual_deviation"] ** 2
    np.testing.assert_allclose(squares / 2, found.at(times)["train_error"], rtol=1e-5)


def test_mean_square_force_is_the_noise_of_gradient_descent():
    """D_d(t, t) = (1/alpha) E[g^2], with half of the samples in a step."""
    found = solve(problem(batch=0.5, **DESCENT))
    steps = np.searchsorted(found.time, found.distributions["distribution_time"])
    squares = found.distributions["force_mean"] ** 2 + found.distributions["force_deviation"] ** 2
    np.testing.assert_allclose(squares / 3.0, found.kernels["D_d"][steps, steps], rtol=1e-10)


@pytest.mark.parametrize("scheme", [{}, DESCENT], ids=["flow", "descent"])
def test_groups_have_distributions_of_their_own(scheme):
    found = solve(problem(**GROUPS, **scheme))
    assert found.distributions["force_density"].shape == (3, 2, BINS)
    assert found.distributions["residual_density"].shape == (3, BINS)
    # h of a group has the norm of its weights, 1; the smaller second layer has the smaller forces.
    np.testing.assert_allclose(found.distributions["preactivation_deviation"][0], 1.0, atol=1e-9)
    large, small = found.distributions["force_deviation"][0]
    assert small == pytest.approx(0.4 * large * 1.5, rel=0.1)
    assert found.to_xarray()["force_density"].dims == ("distribution_time", "group", "bin")


def test_signs_have_margins_and_kinks_the_smallest_width():
    found = solve(problem(labels="sign", loss="logistic", t_max=0.1, distributions=[0.1]))
    below = found.distributions["margin_edges"][0] <= 0
    assert 0 < below.sum() < BINS
    assert "residual_density" not in found.distributions
    kinked = solve(problem(activation="relu", width=1, t_max=0.1, distributions=[0.0], samples=64))
    assert (kinked.distributions["residual_density"] >= 0).all()


def test_densities_integrate_to_one_and_hold_every_number(flow):
    for name in ("residual", "preactivation", "force"):
        widths = np.diff(flow.distributions[f"{name}_edges"], axis=-1)
        np.testing.assert_allclose((flow.distributions[f"{name}_density"] * widths).sum(axis=-1), 1.0, rtol=1e-12)


def test_errors_are_those_of_the_scatter_of_sets():
    """Of many repetitions with a skew law, against their own scatter, with sets of different sizes."""
    random = np.random.default_rng(0)
    sizes = (100, 100, 200, 400)
    made = [distribution([random.beta(2.0, 4.0, size) for size in sizes]) for _ in range(600)]
    for name in ("mean", "deviation", "kurtosis"):
        seen = np.std([values[name] for values, _ in made])
        told = np.sqrt(np.mean([errors[name] ** 2 for _, errors in made]))
        assert told == pytest.approx(seen, rel=0.15), name


def test_numbers_without_any_scatter_fill_one_bin():
    values, _ = distribution([np.zeros(10), np.zeros(5)])
    assert (values["density"] > 0).sum() == 1
    assert values["deviation"] == 0


def test_usual_times_are_few():
    assert usual_times(30.0) == (0.0, 0.1, 1.0, 10.0, 30.0)
    assert usual_times(1000.0) == (0.0, 1.0, 10.0, 100.0, 1000.0)
    assert usual_times(0.0) == (0.0,)
    assert solve(problem(distributions=None, samples=64)).distributions["distribution_time"].tolist() == [
        0.0,
        1e-3,
        1e-2,
        0.1,
        0.5,
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"distributions": [1.0]}, "wanted times up to t_max = 0.5"),
        ({"distributions": 0.1}, "wanted a list of times >= 0"),
        ({"distributions": [0.1, -1.0]}, "wanted a list of times >= 0"),
        ({"distributions": ["0.1"]}, "wanted a list of times >= 0"),
    ],
)
def test_wrong_times_are_refused(keys, message):
    with pytest.raises(ProblemError, match=message):
        problem(**keys)


def test_only_a_theory_with_samples_has_distributions(small):
    with pytest.raises(ProblemError, match='wanted only with theory = "exact"'):
        small.replace(distributions=[1.0])


def test_file_holds_what_was_found_and_other_times_are_added(tmp_path, capsys):
    file, output = tmp_path / "problem.toml", tmp_path / "run.h5"
    file.write_text(problem(samples=64).to_toml())
    assert run(["solve", str(file), "-o", str(output)]) == 0
    found = Solution.load(output)
    assert found == solve(problem(samples=64))
    with h5py.File(output) as stored:
        density, error = (stored[f"{group}/force_density"] for group in ("distributions", "standard_errors"))
        assert isinstance(density, h5py.Dataset)
        assert [scale.keys()[0] for scale in density.dims] == ["distribution_time", "bin"]
        assert str(error.attrs["meaning"]).startswith("standard error of density")
    assert run(["solve", str(file), "-o", str(output), "--set", "output.distributions=[0.2]"]) == 0
    again = Solution.load(output)
    assert again.distributions["distribution_time"].tolist() == [0.2]
    np.testing.assert_array_equal(again.time, found.time)
    capsys.readouterr()
    assert run(["show", str(output)]) == 0
    assert "t = 0.2 residual" in " ".join(capsys.readouterr().out.split())
    assert run(["show", str(output), "--at", "0.4", "--json"]) == 0
    assert '"distributions": {"time": 0.2' in capsys.readouterr().out
    assert run(["plot", str(output), "--distributions", "--size", "4x3", "-o", str(tmp_path / "figure.png")]) == 0


def test_figure_shows_all_times_and_the_gaussian(flow):
    drawn = flow.plot(distributions=True)
    assert len(drawn.axes) == 3
    assert len(drawn.axes[0].lines) == len(TIMES) + 1
    assert "in standard deviations" in " ".join(texts(drawn))
    with pytest.raises(ValueError, match="wanted one run alone"):
        flow.plot(distributions=True, simulations=[flow])


def residuals_of_networks(asked: Problem, dim: int, seeds: int, step: float) -> np.ndarray:
    """Residuals (seeds, n) of tanh networks at t_max, trained by Heun's method; the target is He_1."""
    n, m, found = round(asked.samples_per_parameter * asked.width * dim), int(asked.width), []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        u = np.eye(dim)[0]
        X = random.standard_normal((n, dim))
        y = X @ u + asked.noise * random.standard_normal(n)
        W = random.standard_normal((m, dim))
        W[:, 0] = 0
        W, a = asked.alignment * u + np.sqrt(1 - asked.alignment**2) * W / np.linalg.norm(W, axis=1)[:, None], None
        a = np.full(m, float(asked.init_scale))

        def rate(W, a, X=X, y=y):
            value = np.tanh(X @ W.T)
            F = value @ a / m - y
            f = -(a * (1 - value**2) * F[:, None]).T @ X / n
            return f - np.sum(f * W, axis=1)[:, None] * W, -value.T @ F / n

        for _ in range(round(asked.t_max / step)):
            first = rate(W, a)
            second = rate(W + step * first[0], a + step * first[1])
            W, a = W + step / 2 * (first[0] + second[0]), a + step / 2 * (first[1] + second[1])
            W /= np.linalg.norm(W, axis=1)[:, None]
        found.append(np.tanh(X @ W.T) @ a / m - y)
    return np.array(found)


@pytest.mark.slow
def test_residuals_are_those_of_networks():
    """n = d, t = 4: their kurtosis is far from that of a Gaussian."""
    asked = problem(samples_per_dimension=1.0, t_max=4.0, distributions=[4.0], samples=4096)
    found = solve(asked)
    seen = residuals_of_networks(asked, 300, 32, 0.05)
    F = seen - seen.mean()
    kurtosis = np.mean(F**4) / np.mean(F**2) ** 2
    of_seeds = np.mean(F**4, axis=1) / np.mean(F**2) ** 2 - 2 * kurtosis * np.mean(F**2, axis=1) / np.mean(F**2)
    errors = np.std(np.std(F, axis=1)), np.std(of_seeds)
    for moment, value, error in zip(("deviation", "kurtosis"), (F.std(), kurtosis), errors, strict=True):
        told, own = found.distributions[f"residual_{moment}"][0], found.standard_errors[f"residual_{moment}"][0]
        assert abs(value - told) < 4 * np.hypot(error / np.sqrt(len(seen)), own), moment
    assert found.distributions["residual_kurtosis"][0] > 6
