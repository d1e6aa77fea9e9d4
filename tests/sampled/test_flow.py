"""The exact theory of gradient flow: limits that are known, identities, continuation, and what its pieces are needed for."""

from itertools import pairwise

import numpy as np
import pytest

from dmft import Outcome, Problem, ProblemError, solve
from dmft.engines.cell import Cell
from dmft.engines.ends import continued, growing
from dmft.engines.kinds import equations
from dmft.engines.lead import lead
from dmft.engines.march import March
from dmft.engines.nodes import matrices
from dmft.engines.sampled_flow import SMALLEST_PART, SampledFlow, samples_along
from dmft.mathematics.tableau import cell_weights
from dmft.models.sampled import FOLLOWED
from dmft.models.two_layer_flow.exact import samples
from dmft.models.two_layer_flow.exact.crowd import Crowd
from dmft.models.two_layer_flow.exact.flow import FlowOfSamples
from dmft.models.two_layer_flow.exact.memory import Memory
from dmft.models.two_layer_flow.exact.own import Slopes, own_responses
from dmft.models.two_layer_flow.exact.stein import Past
from dmft.running.solve import StopRun
from tests.sampled.problems import GROUPS
from tests.sampled.resuming import assert_bit_for_bit

SAMPLING = ("samples", "replicates", "seed", "kink_width", "theory")


def problem(**keys) -> Problem:
    base = {
        "width": 2, "samples_per_dimension": 3.0, "activation": "tanh", "target": [0.0, 1.0], "noise": 0.3, "alignment": 0.1,
        "init_scale": 1.5, "theory": "exact", "stages": 4, "tolerance": 1e-3, "t_max": 1.0, "samples": 256, "replicates": 1,
    }  # fmt: skip
    return Problem(**(base | keys))


def gaussian(asked: Problem) -> Problem:
    solver = {key: value for key, value in asked.tables["solver"].items() if key not in SAMPLING}
    return Problem.from_tables({"problem": asked.tables["problem"], "solver": solver})


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [{}, {"width": 1}, {"width": 4, "init": "lazy", "init_scale": 0.5, "samples": 700}, GROUPS],
    ids=["two", "one", "lazy", "groups"],
)
def test_linear_network_is_that_of_the_gaussian_theory(keys):
    asked = problem(activation="linear", **{"tolerance": 1e-4, "t_max": 3.0, "target": [0.0, 0.8]} | keys)
    found, known = solve(asked), solve(gaussian(asked))
    np.testing.assert_allclose(found.time, known.time, rtol=1e-14)
    for name, values in known.observables.items():
        np.testing.assert_allclose(found.observables[name], values, atol=1e-6, err_msg=name)
    for name, values in found.kernels.items():
        np.testing.assert_allclose(np.tril(values), np.tril(known.kernels[name]), atol=2e-6, err_msg=name)


@pytest.mark.parametrize("numbers", [(1,), (3,), (1, 2), (1, 1), (2, 5)], ids=str)
def test_mean_responses_are_those_of_whole_matrices(numbers):
    """T = J (1 + R J/alpha)^(-1) over all cells, sample by sample."""
    random, crowd, factor = np.random.default_rng(0), Crowd(numbers), 0.4
    m, G, ends = crowd.m, crowd.G, np.array([0, 1, 4, 7])
    N, number = int(ends[-1]), len(crowd.several)
    cell = np.searchsorted(ends[1:], np.arange(N), side="right")
    causal = (cell[:, None] >= cell) & (cell > 0)
    R = random.standard_normal((N, G, N, G)) * causal[:, None, :, None]
    minus = random.standard_normal((number, N, N)) * causal
    full = np.zeros((N, m, N, m))
    for k, own in enumerate(crowd.parts):
        for other, part in enumerate(crowd.parts):
            apart = minus[crowd.several.index(k)] if k == other and numbers[k] > 1 else np.zeros((N, N))
            full[:, own, :, part] = ((R[:, k, :, other] - apart) / numbers[other])[:, None, :, None]
            for i in range(own.start, own.stop) if k == other else ():
                full[:, i, :, i] += apart
    c, q, e = random.standard_normal((N, 40)), *random.standard_normal((2, N, m, 40))
    memory = Memory(crowd, factor)
    for a, b in pairwise(ends):
        own = np.einsum("ki,tisj,lj->tksl", crowd.basis, factor * full[a:b, :, a:b], crowd.basis).reshape((b - a) * m, -1)
        T = own_responses(own, Slopes(c[a:b], q[a:b], e[a:b]), crowd.basis)
        together, apart = memory.mean_responses(R[:b, :, :b], minus[:, :b, :b], T)
        if a:
            memory.keep(T)
    expected = np.zeros((N * m, N * m))
    for p in range(40):
        J = np.zeros((N, m, N, m))
        for t in range(N):
            J[t, :, t] = c[t, p] * np.outer(q[t, :, p], q[t, :, p]) + np.diag(e[t, :, p])
        J = J.reshape(N * m, -1)
        expected += J @ np.linalg.inv(np.eye(N * m) + factor * full.reshape(N * m, -1) @ J) / 40
    T = expected.reshape(N, m, N, m)[-3:]
    for k, own in enumerate(crowd.parts):
        for other, part in enumerate(crowd.parts):
            mean = T[:, own, :, part].sum(axis=(1, 3)) / numbers[k]
            np.testing.assert_allclose(together[:, k, :, other], mean, atol=1e-10 * np.abs(expected).max())
    for place, k in enumerate(crowd.several):
        own = T[:, crowd.parts[k], :, crowd.parts[k]]
        mean = (np.einsum("tiui->tu", own) - own.sum(axis=(1, 3)) / numbers[k]) / (numbers[k] - 1)
        np.testing.assert_allclose(apart[place], mean, atol=1e-10 * np.abs(expected).max())


def test_fields_need_a_regularised_factor(monkeypatch):
    """Without it, what the fixed point leaves of a covariance is divided by nothing, and no cell converges for long."""
    asked = problem(t_max=5.0, max_iterations=60)
    assert solve(asked).outcome is Outcome.DONE
    monkeypatch.setattr(samples, "TAU", 1e-14)
    found = solve(asked)
    assert found.outcome is Outcome.NOT_CONVERGED
    assert found.time[-1] < 5.0


@pytest.mark.slow
def test_a_linear_network_with_few_samples_stays_within_its_errors():
    """Its neurons have six times as many numbers as the samples have exact second moments for."""
    asked = problem(
        activation="linear", width=6, init="lazy", init_scale=0.5, samples_per_dimension=6.0, target=[0.0, 0.8], samples=64,
        replicates=4, t_max=3.0, stages=6,
    )  # fmt: skip
    found, known = solve(asked), solve(gaussian(asked))
    assert found.outcome is Outcome.DONE
    for name in ("train_error", "test_error", "alignment"):
        error = found.standard_errors[name][-1]
        assert error < 1e-2 * known.observables[name][-1], name
        assert abs(found.observables[name][-1] - known.observables[name][-1]) < 5 * error, name


# A neuron of free curvature on as many samples as dimensions: one small set in two runs away unless its responses agree with
# its forces, those of seeds 0, 4, 6 and 7 of the first eight.
CURVED = {
    "width": 1, "activation": "quadratic", "samples_per_dimension": 1.0, "target": [0.0, 0.8, 0.4], "alignment": 0.2,
    "init_scale": 1.0, "samples": 128, "t_max": 3.0,
}  # fmt: skip


def without_correction(monkeypatch):
    monkeypatch.setattr(Past, "responses", lambda self, T, g, xi: T)


@pytest.mark.parametrize("seed", [0, pytest.param(4, marks=pytest.mark.slow)])
def test_a_set_that_leaves_the_flow_ends_the_run_where_it_was_right(monkeypatch, seed):
    asked = problem(**CURVED, seed=seed)
    right = solve(asked)
    assert right.outcome is Outcome.DONE
    without_correction(monkeypatch)
    found = solve(asked)
    assert found.outcome is Outcome.TOO_NOISY
    assert f"t_max = {found.time[-1]:.3g}, or samples = 512" in found.advice
    assert 0 < found.time[-1] < asked.solver.t_max
    assert abs(found.train_error[-1] - np.interp(found.time[-1], right.time, right.train_error)) < 0.2 * found.train_error[-1]
    assert solve(asked.replace(t_max=float(found.time[-1]))).outcome is Outcome.DONE


def test_corrected_responses_fulfil_steins_identity_along_large_directions():
    """To tau over the variance of a direction; along small ones they stay as they are."""
    random, G, n, s, size = np.random.default_rng(1), 2, 4, 2, 500
    rotated = np.linalg.qr(random.standard_normal((n * G, n * G)))[0] * np.geomspace(1e3, 1e-3, n * G)
    xi, g = rotated @ random.standard_normal((n * G, size)), random.standard_normal((n * G, size))
    T, C, past, known = random.standard_normal((s * G, n * G)), xi @ xi.T / size, Past(G), (n - s) * G
    past.keep(g[:known], xi[:known])
    found = past.responses(T.reshape(s, G, n, G), g[known:], xi[known:]).reshape(s * G, -1)
    tau = np.diag(np.tile(np.diagonal(C).reshape(n, G).max(axis=0), n))
    np.testing.assert_allclose((found - T) @ (C + tau), g[known:] @ xi.T / size - T @ C, rtol=1e-6, atol=1e-6)
    linear = past.responses(T.reshape(s, G, n, G), T @ xi, xi[known:]).reshape(s * G, -1)
    np.testing.assert_allclose(linear, T, atol=1e-9)
    np.testing.assert_allclose(past.noise(g[known:]).reshape(s * G, -1), g[known:] @ g.T / size)


@pytest.mark.parametrize("keys", [{}, {"width": 1}, GROUPS], ids=["two", "one", "groups"])
def test_a_lead_guesses_its_own_run(keys):
    """Its rows where the nodes are its own; on others, what is smooth of them."""
    asked = gaussian(problem(t_max=3.0, **keys))
    model = equations(asked)
    march = March(model, asked.solver)
    assert len(list(march)) > 3
    history, stages = march.history, asked.solver.stages
    time, led = history["time"], lead(model, history, stages)
    n = 1 + 2 * stages
    cell = Cell(model, history.before(n), march.tableau, float(time[n - 1 + stages] - time[n - 1]))
    rows = cell.rows(led.guess(cell))
    for place in range(len(model.channels)):
        for found, name in ((rows.C[place], "C"), (rows.R[place], "R")):
            own, first = matrices(history.before(cell.total), name, model)[place], cell.known[place]
            np.testing.assert_allclose(found, own[:, first:], atol=1e-12, err_msg=name)
    shorter = Cell(model, history.before(n), march.tableau, 0.5 * cell.dt)
    end = led.guess(shorter)
    middle = cell_weights(time, stages, shorter.times()) @ history["second_layer"].reshape(len(time), -1)
    np.testing.assert_allclose(shorter.fields(end).scalars, middle.T, atol=1e-12)


def no_state(*_):
    """None, as `Samples._solved` says."""


def no_covariance(*_):
    """Raise what factors of matrices raise."""
    raise np.linalg.LinAlgError


@pytest.mark.parametrize(("method", "failing"), [("_solved", no_state), ("_fields", no_covariance)])
def test_a_cell_whose_samples_are_not_found_again_is_halved(monkeypatch, method, failing):
    """Near folds Newton's method may need what was tried before, and rounding may leave no covariance."""
    asked, keep, refused = problem(t_max=3.0), samples.Samples.keep, []

    def keep_or_refuse(self, rows):
        if self.n != 9 or refused:
            return keep(self, rows)
        refused.append(self.n)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(samples.Samples, method, failing)
            assert not keep(self, rows)
        assert self.n == 9
        return False

    plain = solve(asked)
    monkeypatch.setattr(samples.Samples, "keep", keep_or_refuse)
    found = solve(asked)
    assert refused
    assert found.outcome is Outcome.DONE
    assert len(found.time) == len(plain.time) + asked.solver.stages
    assert found.train_error[-1] == pytest.approx(plain.train_error[-1], rel=0.05)


@pytest.mark.slow
def test_energy_falls_as_the_weights_move():
    """d train/dt = -(d_t d_t' C_d + (da/dt)^2) at the ends of cells, within the statistical errors of the energy."""
    found = solve(problem(samples=1024, replicates=4, t_max=4.0, tolerance=1e-4))
    time, stages = found.time, found.problem.solver.stages
    for end in range(2 * stages, len(time), 2 * stages):
        cell = np.arange(end - stages, end + 1)
        D = np.array([np.polynomial.Polynomial.fit(time[cell], row, stages).deriv()(time[end]) for row in np.eye(stages + 1)])
        speed = D @ found.kernels["C_d"][np.ix_(cell, cell)] @ D + (D @ found.second_layer[cell]) ** 2
        error = np.abs(D) @ found.standard_errors["train_error"][cell]
        assert abs(D @ found.train_error[cell] + speed) < 4 * error + 0.02 * speed


@pytest.mark.slow
def test_steps_of_gradient_descent_lead_to_the_flow():
    """Two learning rates, extrapolated to zero, in combined standard errors."""
    flow = solve(problem(samples=1024, replicates=8))
    large, small = (
        solve(
            problem(
                samples=1024, replicates=8, seed=seed, scheme="gradient-descent", learning_rate=eta, stages=6, tolerance=1e-5
            )
        )
        for seed, eta in ((1, 0.1), (2, 0.05))
    )
    for name, values in flow.observables.items():
        limit = 2 * small.observables[name][-1] - large.observables[name][-1]
        parts = (2 * small.standard_errors[name][-1], large.standard_errors[name][-1], flow.standard_errors[name][-1])
        assert abs(limit - values[-1]) < 4 * np.hypot.reduce(parts) + 2e-3 * abs(limit), name


# Means of 16 networks in d = 400 at t = 30, and their standard errors; the Gaussian theory gives 0.01595, 2.112, 0.7185.
NETWORKS = {
    "train_error": (0.0179, 0.0003),
    "second_layer": (2.244, 0.010),
    "alignment": (0.702, 0.004),
    "test_error": (0.1151, 0.0011),
}


@pytest.mark.slow
def test_networks_are_met_where_the_gaussian_theory_is_off():
    asked = problem(samples=4096, replicates=2, t_max=30.0)
    found, approximation = solve(asked), solve(gaussian(asked))
    assert found.outcome is Outcome.DONE
    for name, (mean, error) in NETWORKS.items():
        combined = np.hypot(error, found.standard_errors[name][-1])
        assert abs(found.observables[name][-1] - mean) < 4 * combined, name
    for name in ("train_error", "second_layer", "alignment"):
        off, missed = (abs(run.observables[name][-1] - NETWORKS[name][0]) for run in (found, approximation))
        assert missed > 4 * NETWORKS[name][1], name
        assert off < 0.5 * missed, name


@pytest.mark.slow
def test_stop_and_resume_and_more_samples_are_bit_for_bit(tmp_path):
    assert_bit_for_bit(problem(samples=1100, replicates=2, t_max=2.0), tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        {"activation": "relu", "width": 1},
        {"labels": "sign", "loss": "logistic", "constraint": "none", "weight_decay": 0.1},
        {"loss": "huber", "train_second_layer": False},
        GROUPS,
    ],
    ids=["kink", "signs", "huber", "groups"],
)
def test_problems_with_and_without_a_gaussian_theory_are_solved(keys):
    found = solve(problem(t_max=0.2, replicates=2, tolerance=1e-2, **keys))
    assert found.outcome is Outcome.DONE
    for name, values in found.observables.items():
        assert np.isfinite(values).all(), name
        assert values.shape == found.standard_errors[name].shape
    assert found.train_error[-1] < found.train_error[0]
    # No cell had to be halved.
    flow = equations(found.problem)
    expected = SampledFlow.expected_nodes(flow, found.problem.solver)
    assert len(found.time) == expected if flow.gaussian is None else len(found.time) < 2 * expected


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_cells_without_a_gaussian_theory_grow_with_time(tolerance):
    """In proportion to t, slower at a smaller tolerance, and the same whatever the end of the run."""
    settings = problem(tolerance=tolerance, t_max=100.0).solver
    ends = growing(2.0, settings)
    assert (ends[0], ends[-1]) == (0.0, 100.0)
    ratios = ends[2:-1] / ends[1:-2]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)
    finer = growing(2.0, settings.model_copy(update={"tolerance": tolerance / 32}))
    # Five stages less one: eps^(1/5).
    np.testing.assert_allclose(finer[2] / finer[1] - 1, (ratios[0] - 1) / 2, rtol=1e-12)
    later = growing(2.0, settings.model_copy(update={"t_max": 1e4}))
    np.testing.assert_array_equal(later[: len(ends) - 2], ends[:-2])
    np.testing.assert_array_equal(growing(0.0, settings), [0.0, 100.0])


def test_cells_are_halved_to_a_small_part_of_what_they_were(monkeypatch):
    """Whatever their part of t; cells that were halved before count as parts of the cell that was planned."""
    asked = problem(samples=64)
    engine = SampledFlow(equations(asked), asked.solver)
    monkeypatch.setattr(SampledFlow, "nodes", 1 + engine.unit)
    planned = np.diff(engine.ends)
    while engine.refined():
        pass
    assert np.diff(engine.ends).min() == pytest.approx(SMALLEST_PART * planned[1], rel=1e-12)
    np.testing.assert_array_equal(np.diff(engine.ends)[-len(planned) + 2 :], planned[2:])


def test_simulations_of_the_flow_are_of_networks_with_smooth_activations():
    from dmft.models.experiment import Setup, experiment

    assert experiment(problem(), Setup(dim=20, fields="network")).dim == 20
    with pytest.raises(ProblemError, match="are trained in steps"):
        experiment(problem(activation="relu"), Setup(dim=20, fields="network"))


def test_cells_go_on_where_they_were_halved():
    ends = np.array([0.0, 1.0, 3.0, 7.0])
    np.testing.assert_array_equal(continued(np.zeros(1), ends), ends)
    np.testing.assert_array_equal(continued(np.array([0.0, 1.0]), ends), ends)
    np.testing.assert_array_equal(continued(np.array([0.0, 1.0, 2.0]), ends), [0, 1, 2, 3, 7])
    np.testing.assert_array_equal(continued(np.array([0.0, 1.0, 3.0, 4.0]), ends), [0, 1, 3, 4, 5, 7])
    # The end of an earlier run: the rest of the cell, or the next one where too little is left of it.
    np.testing.assert_array_equal(continued(np.array([0.0, 1.1]), ends), [0, 1.1, 3, 7])
    np.testing.assert_array_equal(continued(np.array([0.0, 1.0, 2.9]), ends), [0, 1, 2.9, 7])
    np.testing.assert_array_equal(continued(ends, ends), ends)


@pytest.mark.slow
def test_a_cell_that_is_too_long_is_halved_for_all_sets():
    """Few iterations are left to a cell; the rest of the run goes on, and the same in two parts."""
    asked = problem(samples=256, replicates=2, t_max=2.0, tolerance=1e-2, max_iterations=4)
    whole = solve(asked)
    assert whole.outcome is Outcome.DONE
    assert len(whole.time) > len(solve(gaussian(asked).replace(max_iterations=400)).time)
    first = solve(asked, observers=[stop_after(0.5)])
    assert first.outcome is Outcome.INTERRUPTED
    found = solve(asked, start=first)
    np.testing.assert_array_equal(found.time, whole.time)
    np.testing.assert_array_equal(found.train_error, whole.train_error)


def stop_after(time: float):
    """An observer that ends a run."""

    def stop(march, cell):
        if cell.time > time:
            raise StopRun

    return stop


def test_kernels_are_read_between_nodes():
    found = solve(problem(samples=64, t_max=0.2, tolerance=1e-2))
    assert found.correlation("C_d", 0.1, 0.1) == pytest.approx(1.0, abs=1e-4)
    with pytest.raises(ValueError, match="wanted C_d or C_o"):
        found.correlation("R_d", 0.1, 0.1)
    with pytest.raises(ValueError, match="the nodes of kernels"):
        found.response("R_d", 0.1, 0.0)


@pytest.mark.slow
def test_train_errors_of_followers_are_those_of_the_sets_with_less_chance():
    """Of 16 sets on hard data: means within 3.5 standard errors of their difference, and less variance."""
    found = solve(problem(activation="erf", samples_per_dimension=1.0, samples=256, replicates=16, t_max=3.0, tolerance=1e-2))
    history, late = found.state.history, found.time > 1.0
    own, followed = (history[f"sets_{name}"][:, late] for name in ("train_error", FOLLOWED))
    np.testing.assert_allclose(found.train_error[late], followed.mean(axis=0), rtol=1e-14)
    difference = followed - own
    assert (np.abs(difference.mean(axis=0)) < 3.5 * difference.std(axis=0, ddof=1) / np.sqrt(16)).all()
    # Measured: 0.35, where 16 independent pairs of equal variance would be below 0.6 once in six times at a single node.
    assert followed.var(axis=0).mean() < 0.6 * own.var(axis=0).mean()


def test_sets_whose_followers_are_lost_have_their_own_train_error(monkeypatch):
    asked, take_along = problem(samples=64, t_max=0.5, tolerance=1e-2), FlowOfSamples._take_along

    def lost(self, samples, history):
        return not (samples is self.followers and samples.n == 5) and take_along(self, samples, history)

    plain = solve(asked)
    monkeypatch.setattr(FlowOfSamples, "_take_along", lost)
    found = solve(asked)
    assert found.outcome is Outcome.DONE
    np.testing.assert_array_equal(found.train_error[:5], plain.train_error[:5])
    np.testing.assert_array_equal(found.train_error[5:], found.state.history["sets_train_error"][0, 5:])
    assert (found.train_error[5:] != plain.train_error[5:]).all()


def test_samples_follow_from_what_a_run_holds():
    """Their mean loss at the end of each cell is the one that the run holds."""
    found = solve(problem(samples=64, replicates=2, t_max=0.5, tolerance=1e-2))
    times, losses = [], []
    for time, sets in samples_along(equations(found.problem), found.state.history):
        times.append(time)
        losses.append(np.mean([(of.kept.f[-1] - of.y) ** 2 / 2 for of in sets]))
    ends = slice(None, None, found.problem.solver.stages)
    np.testing.assert_allclose(times, found.time[ends], rtol=1e-14)
    np.testing.assert_allclose(losses, found.state.history["sets_train_error"].mean(axis=0)[ends], rtol=1e-6)
