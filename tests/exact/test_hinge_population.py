"""Hinge loss without mirror images: the population against the one node, small steps, and what every trajectory keeps."""

import numpy as np
import pytest

from dmft import solve
from dmft.engines.doubling import Doubling
from dmft.models.hinge.loss import even_part, fresh_loss, parts
from dmft.models.hinge.parameters import examples
from dmft.models.hinge.population import Population, drawn
from dmft.models.hinge.simulation import Network, Weights
from dmft.models.hinge.step import DataSet, Fields, Nodes
from dmft.problem.settings import SolverSettings
from tests.hinge import hinge, one_sided

SMOOTH = ("generalization_error", "train_error", "rotation", "slope", "slope_across")


def state(model, y) -> tuple[Nodes, np.ndarray]:
    """Nodes and weights of the examples."""
    return model._unpacked(y)


def after(model, time, steps):
    """y after so many steps of equal length."""
    y = model.start()
    for _ in range(steps):
        y = model.advance(y, time / steps)
    return y


def errors(found, exact):
    """Largest error of each observable, relative to its value, or to a tenth of its largest one where it is smaller."""
    scales = {name: np.maximum(np.abs(exact[name]), 0.1 * np.abs(exact[name]).max()) for name in SMOOTH}
    return {name: (np.abs(found[name] - exact[name]) / scales[name]).max() for name in SMOOTH}


@pytest.mark.slow
@pytest.mark.parametrize("population", [16, 40])
@pytest.mark.parametrize("keys", [{}, {"laziness": 0.1}, {"laziness": 10.0, "output_variance": 0.0}], ids=["1", "rich", "lazy"])
def test_in_mirrored_data_the_population_is_the_one_node(keys, population):
    """Whatever its size, to the end, where all examples are satisfied."""
    p = hinge(samples=12, dimension=4, **keys).parameters
    exact, x = p.build(), examples(4, 12, p.seed)
    exact.node.next_kink(1e9)
    nodes = drawn(population, 4, (p.output_variance, p.weight_variance), np.random.default_rng(0))
    model = Population(DataSet(np.vstack([x, -x]), p.laziness, p.threshold), nodes, p.variance, x)
    engine = Doubling(model, SolverSettings(t_max=1.2 * exact.node.kinks[-1], tolerance=1e-4))
    assert list(engine)[-1].time == engine.settings.t_max
    expected = exact.evaluate(engine.history["time"])
    assert expected["train_error"][-1] == 0.0
    found = engine.results().observables
    assert max(errors(found, expected).values()) < 1e-3
    np.testing.assert_allclose(found["misclassified"], expected["misclassified"], atol=1e-3)


def small_steps(model, time, steps):
    """Observables by explicit Euler steps on the examples that are unsatisfied, switched on and off as they are."""
    network, weights = Network(model.data.laziness, model.data.threshold), Weights(*model.first)
    for _ in range(steps):
        weights = weights.moved(network.rate(weights, model.data.x), time / steps)
    y = np.concatenate([weights.a, weights.w.ravel(), np.ones(len(model.data.x))])
    return model.observe(y)


@pytest.mark.slow
@pytest.mark.parametrize("keys", [{}, {"laziness": 0.1}, {"laziness": 10.0}], ids=["1", "rich", "lazy"])
def test_population_by_small_steps(keys):
    """Of an independent program from the same weights: they approach the solution as their length."""
    problem = one_sided(population=400, t_max=3.0 * keys.get("laziness", 1.0) ** 0.5, tolerance=1e-4, **keys)
    solution = solve(problem)
    model, time = problem.parameters.build(), problem.solver.t_max
    rough, fine = (small_steps(model, time, steps) for steps in (300, 3000))
    for name in SMOOTH:
        exact = solution.observables[name][-1]
        assert abs(fine[name] - exact) < 1e-3 * abs(exact), name
    assert np.mean([abs(fine[name] / rough[name] - 1) for name in SMOOTH]) > 3e-4


def test_steps_are_of_second_order():
    """While 40 of 100 examples become satisfied and nodes pass or reach the kinks of relu."""
    model = one_sided(samples=100, population=800).parameters.build()
    steps = np.array([4, 8, 16, 32])
    *rough, exact = (model.observe(after(model, 3.0, int(n))) for n in (*steps, 256))
    assert exact["unsatisfied"] < 0.7
    for name in ("generalization_error", "train_error", "rotation", "slope"):
        order, _ = np.polyfit(np.log(1 / steps), np.log([abs(found[name] - exact[name]) for found in rough]), 1)
        assert 1.7 < order < 2.6, name


@pytest.fixture(scope="module")
def reference():
    """A finer solution."""
    return solve(one_sided(t_max=30.0, tolerance=2e-5))


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4])
def test_tolerance_is_kept(reference, tolerance):
    """On the nodes of a coarse solution, and half way between them."""
    solution = solve(reference.problem.replace(tolerance=tolerance))
    times = np.concatenate([solution.time, (solution.time[1:] + solution.time[:-1]) / 2])
    found, exact = ({name: np.array([one.at(t)[name] for t in times]) for name in SMOOTH} for one in (solution, reference))
    assert max(errors(found, exact).values()) < 1.5 * tolerance


def test_energy_identity():
    """dloss/dt = -(1/M) sum_i [(da_i/dt)^2 + |dw_i/dt|^2], while examples are held and nodes are."""
    model = one_sided(population=200).parameters.build()
    y, step, held = model.start(), 5e-3, 0
    for _ in range(12):
        before, work = model.observe(y)["train_error"], 0.0
        for _ in range(100):
            (first, _), (last, weights) = state(model, y), state(model, y := model.advance(y, step))
            work += (((last.a - first.a) ** 2).mean() + ((last.w - first.w) ** 2).sum(axis=1).mean()) / step
        assert before - model.observe(y)["train_error"] == pytest.approx(work, rel=2e-3)
        held = max(held, int(((weights > 0) & (weights < 1)).sum()))
    assert held > 2


def test_each_node_is_turned():
    """|w|^2 - a^2 of every node stays."""
    model = one_sided(population=200).parameters.build()
    (first, _), (last, _) = state(model, model.start()), state(model, after(model, 5.0, 50))
    kept = [(nodes.w**2).sum(axis=1) - nodes.a**2 for nodes in (first, last)]
    np.testing.assert_allclose(kept[1], kept[0], atol=1e-11)
    assert np.abs(last.a - first.a).max() > 0.5


def test_held_examples_are_at_the_limit_and_the_others_on_their_side():
    model = one_sided(population=200).parameters.build()
    y = model.start()
    for _ in range(100):
        y = model.advance(y, 0.05)
        nodes, weights = state(model, y)
        m = model.data.margins(nodes, Fields.of(nodes, model.data.x))
        assert ((weights >= 0) & (weights <= 1)).all()
        assert np.abs(m[(weights > 0) & (weights < 1)]).max(initial=0.0) < 1e-3
        assert (m[weights == 1] < 1e-3).all()
        assert (m[weights == 0] > -1e-3).all()


def test_speeds_of_margins_are_those_of_the_kernel():
    """And those of nodes that are turned."""
    random = np.random.default_rng(0)
    data, weights = one_sided().parameters.build().data, random.uniform(size=25)
    nodes = Nodes(random.standard_normal(30), random.standard_normal((30, 5)))
    fields = Fields.of(nodes, data.x)
    F = data.forces(fields, weights)
    speeds = data.speeds(nodes, fields, F)
    np.testing.assert_allclose(speeds, data.kernel(nodes, fields, np.arange(len(data.x))) @ weights, rtol=1e-10)
    moved = [nodes.turned(F, time) for time in (1e-6, -1e-6)]
    margins = [data.margins(some, Fields.of(some, data.x)) for some in moved]
    np.testing.assert_allclose((margins[0] - margins[1]) / 2e-6, speeds, rtol=1e-5)


def test_the_start_is_that_of_the_limit():
    """f = 0, and second moments are those of the law."""
    nodes = drawn(80, 5, (0.3, 2.0), np.random.default_rng(1))
    x = np.random.default_rng(2).standard_normal((7, 5))
    np.testing.assert_allclose(np.maximum(x @ nodes.w.T, 0) @ nodes.a, 0.0, atol=1e-12)
    assert np.mean(nodes.a**2) == pytest.approx(0.3)
    np.testing.assert_allclose(nodes.w.T @ nodes.w / 80, 2.0 * np.eye(5), atol=1e-12)
    assert one_sided(output_variance=0.0).parameters.build().observe(one_sided().parameters.build().start())["rotation"] >= 0


def test_larger_populations_are_closer():
    """Distances from a large one, root mean squares over draws, fall as 1/sqrt M."""
    p, x = one_sided().parameters, examples(5, 25, 0)

    def slope(population, seed):
        nodes = drawn(population, 5, (1.0, 1.0), np.random.default_rng(seed))
        model = Population(DataSet(x, 1.0, 1.0), nodes, p.variance, x)
        return model.observe(after(model, 3.0, 20))["slope"]

    exact = np.mean([slope(12800, seed) for seed in (100, 101)])
    sizes = np.array([40, 160, 640])
    distances = [np.sqrt(np.mean([(slope(int(size), seed) - exact) ** 2 for seed in range(12)])) for size in sizes]
    power, _ = np.polyfit(np.log(sizes), np.log(distances), 1)
    assert -0.8 < power < -0.3


@pytest.mark.slow
def test_lazy_limit():
    """alpha -> infinity: alpha f and alpha g have a limit, which small changes of the nodes make without loss of digits."""
    lazy, lazier = (solve(one_sided(laziness=laziness, t_max=10.0, tolerance=1e-3)) for laziness in (1e4, 1e8))
    for name in ("rotation", "slope", "slope_across"):
        assert 1e8 * lazier.observables[name][-1] == pytest.approx(1e4 * lazy.observables[name][-1], rel=1e-3), name
    assert lazier.train_error[-1] * 1e16 == pytest.approx(lazy.train_error[-1] * 1e8, rel=1e-3)


@pytest.mark.slow
def test_many_examples_are_infinitely_many():
    infinite = hinge().parameters.build().evaluate(np.array([3.0]))
    model = one_sided(samples=2000, dimension=3, population=400).parameters.build()
    found = model.observe(after(model, 3.0, 12))
    for name in ("generalization_error", "train_error", "rotation", "slope"):
        assert found[name] == pytest.approx(infinite[name][0], rel=0.03), name


def test_everything_is_satisfied_in_the_end():
    solution = solve(one_sided(t_max=1e4, tolerance=1e-2))
    assert solution.complete
    assert solution.train_error[-1] == solution.unsatisfied[-1] == 0.0
    assert solution.generalization_error[-1] > 0.1
    assert solution.weights.sum() == pytest.approx(1e4)


def test_loss_of_fresh_examples_of_a_network():
    """The linear part in closed form and the even part by pairs, against examples alone."""
    nodes, random = state(one_sided().parameters.build(), one_sided().parameters.build().start())[0], np.random.default_rng(3)
    a = nodes.a + 5.0 * nodes.w[:, 0] + 3.0 * nodes.w[:, 1] ** 2
    x = random.standard_normal((100_000, 5))
    margins = np.sign(x[:, 0]) * np.concatenate([np.maximum(part @ nodes.w.T, 0) @ a for part in np.split(x, 100)]) / len(a)
    losses, wrong = np.maximum(1.3 - 0.7 * margins, 0.0) / 0.7**2, margins < 0
    along, across = parts((a @ nodes.w)[None] / (2 * len(a)))
    pairs = even_part(0.7, 1.3, a, nodes.w, random.standard_normal((20_000, 5)))
    assert abs(pairs.loss) > 0.01
    assert fresh_loss(0.7, 1.3, along, across)[0] + pairs.loss == pytest.approx(losses.mean(), abs=4 * losses.std() / 300)
    exact = np.arctan2(across[0], along[0]) / np.pi + pairs.misclassified
    assert exact == pytest.approx(wrong.mean(), abs=4 * wrong.std() / 100)
