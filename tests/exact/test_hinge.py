"""Hinge loss: the rotation by another integrator, late times, identities of gradient flow, explicit small steps."""

from bisect import bisect_left

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import erf

from dmft import solve
from dmft.models.hinge.geometry import Data
from dmft.models.hinge.loss import fresh_loss
from dmft.models.hinge.node import NodeInData
from dmft.models.hinge.parameters import examples
from tests.hinge import hinge

from .test_identities import derivative, rates

INFINITE = {
    "default": {},
    "rich": {"laziness": 0.01},
    "lazy": {"laziness": 100.0, "threshold": 3.0},
    "output weights from zero": {"output_variance": 0.0, "weight_variance": 0.3},
}
FINITE = {
    "many": {"samples": 200, "dimension": 5},
    "few": {"samples": 15, "dimension": 20},
    "rich": {"samples": 60, "dimension": 10, "laziness": 0.05},
    "lazy": {"samples": 60, "dimension": 10, "laziness": 50.0, "threshold": 2.0},
    "very lazy": {"samples": 20, "dimension": 10, "laziness": 1e9, "threshold": 1e-3},
    "one input": {"samples": 10, "dimension": 1},
    "one example": {"samples": 1, "dimension": 3},
}


@pytest.mark.parametrize("case", INFINITE)
def test_rotation_by_another_integrator(case):
    """dg/dt as it stands, and what follows from g, over ten decades of time."""
    problem = hinge(**INFINITE[case])
    p = problem.parameters

    def width(g):
        return p.threshold / (p.laziness * (p.output_variance + p.weight_variance) / 4 * np.sinh(2 * g))

    def rate(_, g):
        with np.errstate(divide="ignore"):
            return -np.expm1(-(width(g) ** 2) / 2) / (p.laziness * np.sqrt(2 * np.pi))

    times = np.geomspace(0.01, 1e8, 21)
    g = solve_ivp(rate, (0, 1e8), [0.0], t_eval=times, method="DOP853", rtol=1e-12, atol=1e-14).y[0]
    found = p.build().evaluate(times)
    c = width(g)
    loss = p.threshold * erf(c / np.sqrt(2)) + p.threshold / c * np.sqrt(2 / np.pi) * np.expm1(-(c**2) / 2)
    np.testing.assert_allclose(found["rotation"], g, rtol=1e-10)
    np.testing.assert_allclose(found["slope"], p.threshold / p.laziness / c, rtol=1e-9)
    np.testing.assert_allclose(found["unsatisfied"], erf(c / np.sqrt(2)), rtol=1e-9)
    np.testing.assert_allclose(found["generalization_error"], loss / p.laziness**2, rtol=1e-8)
    assert (found["train_error"] == found["generalization_error"]).all()


@pytest.mark.parametrize("case", INFINITE)
def test_late_times(case):
    """g -> (1/4) log t + constant, with relative corrections O(1/s^2)."""
    p = hinge(**INFINITE[case]).parameters
    g = p.build().evaluate(np.array([1e10, 1e14]))["rotation"]
    assert g[1] == pytest.approx(p.late_rotation(1e14), abs=1e-5)
    assert g[1] - g[0] == pytest.approx(np.log(1e4) / 4, abs=1e-3)


def test_lazy_limit():
    """alpha -> infinity: the nodes do not turn, while the margins grow as if f were linear in time."""
    p = hinge(laziness=1e6).parameters
    t = np.array([0.1, 0.5])
    found = p.build().evaluate(t)
    np.testing.assert_allclose(found["rotation"], t / (1e6 * np.sqrt(2 * np.pi)), rtol=2e-3)
    np.testing.assert_allclose(1e6 * found["slope"], t / np.sqrt(2 * np.pi), rtol=2e-3)


@pytest.mark.parametrize("case", ["default", "rich", "lazy"])
def test_energy_identity_in_infinite_data(case):
    """dloss/dt = -E[(da/dt)^2 + |dw/dt|^2] = -(s_a + s_w) cosh(2g) (dg/dt)^2."""
    solution = solve(hinge(**INFINITE[case], t_max=1e3, tolerance=1e-9))
    p, inside = solution.problem.parameters, np.arange(1, len(solution.time)) % 6 != 0
    falls, turns = rates(solution, solution.generalization_error), rates(solution, solution.rotation)
    speeds = (p.output_variance + p.weight_variance) * np.cosh(2 * solution.rotation[1:][inside]) * turns**2
    assert np.abs(falls + speeds).max() < 1e-5 * speeds.max()


def data_of(problem):
    p = problem.parameters
    x = examples(p.dimension, int(p.samples), p.seed)
    limit = 2 * p.threshold / (p.laziness * (p.output_variance + p.weight_variance))
    return Data(np.sign(x[:, :1]) * x, limit, p.laziness * p.samples)


def small_steps(data, times, dt):
    """p at these times by explicit Euler steps on the examples that are unsatisfied, switched on and off as they are."""
    p, found = np.zeros(data.z.shape[1]), []
    marks = np.rint(times / dt).astype(int)
    for step in range(marks[-1] + 1):
        if step in marks:
            found.append(p)
        gamma = np.sqrt(1 + p @ p)
        p = p + dt * gamma / 2 * data.z[gamma * (data.z @ p) < data.limit].sum(axis=0) / data.share
    return np.array(found)


@pytest.mark.parametrize("case", ["few", "rich", "lazy", "one example"])
def test_node_by_small_steps(case):
    """Explicit steps chatter about the limit where an example is held there, and converge to the same node as dt."""
    data = data_of(hinge(**FINITE[case]))
    node = NodeInData(data)
    node.next_kink(1e6)
    assert node.finished
    times = np.array([0.3, 0.6, 1.05]) * node.kinks[-1]
    exact = node.at(times).p
    coarse, fine = (np.abs(small_steps(data, times, times[-1] / steps) - exact).max() for steps in (600, 6000))
    assert fine < 2e-3 * np.abs(exact).max()
    assert fine < 0.3 * coarse


@pytest.mark.parametrize("case", FINITE)
def test_weights_make_the_velocity_shortest(case):
    """Along the way: held examples stay at the limit with weights in [0, 1], and no other choice of weights is shorter."""
    data = data_of(hinge(**FINITE[case]))
    node, time, held = NodeInData(data), 0.0, 0
    while np.isfinite(time := node.next_kink(time)):
        arc, (theta,) = node._on_piece(bisect_left(node._ends, time * (1 - 1e-7)), np.array([time * (1 - 1e-7)]))
        p = arc.node(theta)
        gamma = np.sqrt(1 + p @ p)
        sets, weights = arc.sets, arc.multipliers(theta)
        margins = gamma * (data.z @ p) / data.limit
        assert (margins[sets.unsatisfied] < 1 + 1e-9).all()
        np.testing.assert_allclose(margins[sets.held], 1.0, rtol=1e-9)
        others = ~sets.unsatisfied
        others[sets.held] = False
        assert (margins[others] > 1 - 1e-9).all()
        assert ((weights > -1e-9) & (weights < 1 + 1e-9)).all()
        V = (data.z[sets.unsatisfied].sum(axis=0) + weights @ data.z[sets.held]) / data.share
        velocity = gamma**2 * V + (p @ V) * p
        np.testing.assert_allclose(data.z[sets.held] @ velocity, 0.0, atol=1e-9 * np.abs(velocity).max())
        step = 1e-5
        moved = (arc.node(theta + step) - arc.node(theta - step)) / arc.elapsed(theta - step, theta + step)
        np.testing.assert_allclose(moved, gamma / 2 * V, atol=1e-7 * np.abs(V).max() * gamma)
        held = max(held, len(sets.held))
    assert held > 0 or case.startswith("one")


@pytest.mark.parametrize("case", FINITE)
def test_energy_identity_in_a_data_set(case):
    """dloss/dt = -E[(da/dt)^2 + |dw/dt|^2] = -(s_a + s_w)/4 ((V.p)^2 + gamma^2 |V|^2), between changes of the sets."""
    problem = hinge(**FINITE[case])
    model = problem.parameters.build()
    node = model.node
    node.next_kink(1e9)
    ends = np.append(0.0, node.kinks)
    for first, last in zip(ends[:-1:7], ends[1::7], strict=False):
        time = first + (last - first) * np.array([0.48, 0.49, 0.5, 0.51, 0.52])
        d = derivative(time)
        falls = (d @ model.evaluate(time)["train_error"])[2]
        p = node.at(time).p
        gamma = np.sqrt(1 + p[2] @ p[2])
        V = 2 / gamma * (d @ p)[2]
        speed = problem.parameters.variance / 4 * ((V @ p[2]) ** 2 + gamma**2 * V @ V)
        assert falls == pytest.approx(-speed, rel=1e-4, abs=1e-8 * model.evaluate(np.zeros(1))["train_error"][0])


def test_everything_is_satisfied_in_the_end():
    solution = solve(hinge(samples=40, dimension=10, t_max=1e6))
    assert solution.complete
    assert solution.train_error[-1] == solution.unsatisfied[-1] == 0.0
    assert solution.generalization_error[-1] > 0.1
    last = solution.problem.parameters.build().node
    last.next_kink(1e6)
    before, after = solution.at(1.001 * last.kinks[-1]), solution.at(1e5)
    # A jump cannot be read between two nodes.
    assert before.pop("unsatisfied") != after.pop("unsatisfied")
    assert before == pytest.approx(after, abs=1e-9)


def test_large_data_sets_are_infinite_ones():
    """Distances from the infinite data set, root mean squares over data sets, fall as 1/sqrt P."""
    times = np.array([1.0, 3.0])
    infinite = hinge().parameters.build().evaluate(times)
    sizes = np.array([50, 200, 800])
    distances = []
    for samples in sizes:
        runs = [hinge(samples=int(samples), dimension=5, seed=seed).parameters.build().evaluate(times) for seed in range(3)]
        slopes = np.array([run["slope"] for run in runs])
        distances.append(np.sqrt(np.mean((slopes / infinite["slope"] - 1) ** 2)))
        assert max(run["misclassified"].max() for run in runs) < 2 * np.sqrt(5 / samples)
    slope, _ = np.polyfit(np.log(sizes), np.log(distances), 1)
    assert -0.8 < slope < -0.3
    assert distances[-1] < 0.03


@pytest.mark.parametrize("along", [1.0, 0.3, 0.0, -0.2])
@pytest.mark.parametrize("across", [0.0, 0.5, 2.0])
def test_loss_of_a_fresh_example(along, across):
    """Against samples, and at the ends of its range."""
    if along <= 0 and across == 0:
        return
    x = np.random.default_rng(0).standard_normal((2, 400_000))
    losses = np.maximum(0.0, 1.3 - 0.7 * np.sign(x[0]) * (along * x[0] + across * x[1])) / 0.7**2
    found = fresh_loss(0.7, 1.3, np.array([along, 0.0]), np.array([across, 0.0]))
    assert abs(found[0] - losses.mean()) < 4 * losses.std() / np.sqrt(losses.size)
    assert found[1] == pytest.approx(1.3 / 0.7**2)
