"""Groups of neurons and several directions: reference values, individual neurons, symmetries, limits."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dmft import Problem, Solution, Sweep, solve, sweep
from dmft.engines.outcome import Outcome
from tests.agreement.descending_neurons import DescendingNeurons
from tests.comparison import assert_same, datasets, same_groups

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "neuron_groups.json").read_text())["three_neurons"]
BASE = {"samples_per_parameter": 1.0, "activation": [0.1, 0.8, 0.6], "noise": 0.3, "t_max": 3.0, "tolerance": 1e-6}
TARGET = {"1,0": 0.7, "0,1": 0.3, "0,2": 0.5, "1,1": -0.4}
PAIR = [
    {"fraction": 0.5, "second_layer": 1.0, "alignment": [0.3, 0.1]},
    {"fraction": 0.25, "second_layer": -0.7, "alignment": [-0.2, 0.2]},
    {"fraction": 0.25, "second_layer": 0.5, "alignment": [0.0, -0.4]},
]


def test_reference_values():
    """Three single neurons and two directions, extrapolated from explicit neurons."""
    given = REFERENCE["problem"]
    neurons = [
        {"count": 1, "second_layer": a, "alignment": v} for a, v in zip(given["second_layer"], given["alignment"], strict=True)
    ]
    keys = {
        "width": 3,
        "samples_per_dimension": 4.0,
        "activation": [0.0, 0.8, 0.6],
        "target": TARGET,
        "noise": 0.3,
        "t_max": 5.0,
    }
    solution = solve(Problem(**keys, neurons=neurons, tolerance=1e-6))
    for place, time in enumerate(REFERENCE["times"]):
        found = solution.entries_at(time)
        for name, values in REFERENCE["values"].items():
            name = name.replace("overlap", "neuron_overlap") if name.startswith("overlap") else name
            assert found[name] == pytest.approx(values[place], abs=REFERENCE["error"])


@pytest.mark.parametrize(
    "keys",
    [
        {"width": 4, "target": TARGET, "neurons": PAIR},
        {
            "width": 3,
            "target": [0.2, 1.0, 0.4],
            "neurons": [{"count": 1, "alignment": 0.2}, {"count": 2, "second_layer": -1.0}],
        },
        {"width": 2, "target": TARGET, "alignment": [0.1, -0.3]},
        {"width": 1, "target": TARGET, "alignment": [0.1, -0.3]},
        {"width": 2, "target": TARGET, "neurons": [*PAIR[:1], {"count": 1}], "train_second_layer": False, "init": "lazy"},
    ],
)
def test_steps_are_those_of_individual_neurons(keys):
    asked = Problem(**{**BASE, **keys}, scheme="gradient-descent", learning_rate=0.1)
    found, twin = solve(asked), DescendingNeurons(asked).march()
    first = [members[0] for members in twin.alike]
    np.testing.assert_allclose(found.train_error, twin.train, rtol=1e-10)
    np.testing.assert_allclose(found.test_error, twin.test, rtol=1e-10)
    np.testing.assert_allclose(found.second_layer, twin.a[first].T, atol=1e-10)
    np.testing.assert_allclose(found.alignment, twin.v[first].transpose(1, 0, 2), atol=1e-10)
    np.testing.assert_allclose(found.multiplier[:-1], twin.multiplier[first, :-1].T, atol=1e-9)
    for k, members in enumerate(twin.alike):
        np.testing.assert_allclose(found.kernels["C_d"][:, :, k], twin.C[members[0], :, members[0]], atol=1e-10)
        for other, others in enumerate(twin.alike):
            pairs = [(i, j) for i in members for j in others if i != j]
            if pairs:
                (i, j) = pairs[0]
                np.testing.assert_allclose(found.kernels["C_o"][:, :, k, other], twin.C[i, :, j], atol=1e-10)
                np.testing.assert_allclose(found.kernels["R_o"][:, :, k, other] * 0.1, twin.R[i, :, j], atol=1e-10)


@pytest.mark.parametrize("solver", [{}, {"scheme": "gradient-descent", "learning_rate": 0.1}])
@pytest.mark.parametrize(
    "keys",
    [
        {"width": 8},
        {"width": math.inf, "samples_per_dimension": 2.0},
        pytest.param({"width": 40, "init": "lazy", "t_max": 1.0}, marks=pytest.mark.slow),
    ],
)
def test_permutation_split_and_rotation(keys, solver):
    given = {**BASE, "target": TARGET, **keys, **solver}
    if "samples_per_dimension" in keys:
        del given["samples_per_parameter"]
    whole = solve(Problem(**given, neurons=PAIR))
    same_groups(whole, solve(Problem(**given, neurons=[PAIR[i] for i in (2, 0, 1)])), [1, 2, 0], 1e-8)
    halves = [{**PAIR[0], "fraction": 0.25}, {**PAIR[0], "fraction": 0.25}, *PAIR[1:]]
    same_groups(whole, solve(Problem(**given, neurons=halves)), [0, 2, 3], 1e-8)
    angle = 0.7
    c, s = math.cos(angle), math.sin(angle)
    # The same function of turned directions: a linear part p . z, and z . Q z - tr Q with Q = [[q_11, q_12], [q_12, q_22]].
    turn = np.array([[c, -s], [s, c]])
    p, Q = turn @ [0.7, 0.3], turn @ np.array([[0.0, -0.2], [-0.2, 0.5 / math.sqrt(2)]]) @ turn.T
    turned = {"1,0": p[0], "0,1": p[1], "2,0": math.sqrt(2) * Q[0, 0], "0,2": math.sqrt(2) * Q[1, 1], "1,1": 2 * Q[0, 1]}
    neurons = [{**group, "alignment": (turn @ group["alignment"]).tolist()} for group in PAIR]
    rotated = solve(Problem(**{**given, "target": turned}, neurons=neurons))
    np.testing.assert_allclose(rotated.alignment[-1], whole.alignment[-1] @ turn.T, atol=1e-7)
    for name in ("train_error", "test_error", "second_layer", "neuron_overlap"):
        np.testing.assert_allclose(rotated.observables[name][-1], whole.observables[name][-1], atol=1e-7)


def test_one_group_is_the_network_of_today():
    """Equations of one group agree with those of two halves, and a single group is solved as without it, bit for bit.

    The target has a degree that the activation does not have.
    """
    keys = {**BASE, "width": 4, "target": [0.2, 1.0, 0.4, 0.5], "alignment": 0.1}
    plain, one = solve(Problem(**keys)), solve(Problem(**keys, neurons=[{"count": 4}]))
    for name, values in plain.observables.items():
        np.testing.assert_array_equal(values, one.observables[name])
    halves = solve(Problem(**keys, neurons=[{"fraction": 0.5}, {"fraction": 0.5}]))
    assert halves.second_layer[-1] == pytest.approx(plain.second_layer[-1], abs=1e-8)
    assert halves.alignment[-1].ravel() == pytest.approx(plain.alignment[-1], abs=1e-8)
    assert halves.neuron_overlap[-1].ravel() == pytest.approx(plain.neuron_overlap[-1], abs=1e-8)
    assert halves.test_error[-1] == pytest.approx(plain.test_error[-1], abs=1e-8)


def test_both_signs_start_at_zero_output():
    """a = +-gamma: f = 0 but for the random sum of m neurons, of variance h(1)/m; odd activations stay symmetric."""
    neurons = [
        {"fraction": 0.5, "second_layer": 1.0, "alignment": 0.1},
        {"fraction": 0.5, "second_layer": -1.0, "alignment": -0.1},
    ]
    keys = {**BASE, "activation": "erf", "target": [0.0, 1.0], "width": 10, "neurons": neurons}
    solution = solve(Problem(**keys))
    assert solution.complete
    np.testing.assert_allclose(solution.second_layer[:, 0], -solution.second_layer[:, 1], atol=1e-9)
    np.testing.assert_allclose(solution.alignment[:, 0], -solution.alignment[:, 1], atol=1e-9)
    still = [{**group, "alignment": 0.0} for group in neurons]
    start = solve(Problem(**{**keys, "neurons": still, "t_max": 0.1})).test_error[0]
    assert start == pytest.approx((1.0 + 0.09 + 1 / 3 / 10) / 2, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("solver", [{}, {"scheme": "gradient-descent", "learning_rate": 0.1}])
def test_files_resume_and_figures(solver, tmp_path):
    problem = Problem(**{**BASE, "width": 4, "target": TARGET, "neurons": PAIR, **solver})
    path = tmp_path / "run.h5"
    solve(problem.replace(t_max=1.0), output=path)
    n = len(Solution.load(path).time)
    shapes = {name: values.shape[1:] for name, values in Solution.load(path).observables.items()}
    assert shapes["second_layer"] == shapes["multiplier"] == shapes["memory_of_start"] == (3,)
    assert shapes["alignment"] == (3, 2)
    assert shapes["neuron_overlap"] == (3, 3)
    assert Solution.load(path).kernels["R_o"].shape == (n, n, 3, 3)
    continued, direct = solve(problem, output=path), solve(problem, start=solve(problem.replace(t_max=1.0)))
    continued.save(path)
    direct.save(tmp_path / "direct.h5")
    assert_same(datasets(path), datasets(tmp_path / "direct.h5"))
    assert len(continued.plot().axes) >= 3


@pytest.mark.parametrize("solver", [{}, {"scheme": "gradient-descent", "learning_rate": 0.1}])
def test_a_group_without_alignment_in_an_infinite_network(solver):
    """Its neurons have no overlap with anything at t = 0: the limit of a small alignment."""
    keys = {**BASE, **solver, "width": math.inf, "target": [0.0, 0.7, 0.5], "t_max": 1.0}

    def run(alignment: float) -> Solution:
        return solve(Problem(**keys, neurons=[{**PAIR[0], "alignment": 0.3}, {"fraction": 0.5, "alignment": alignment}]))

    without, with_little = run(0.0), run(1e-9)
    assert without.outcome is Outcome.DONE
    for name in ("alignment", "neuron_overlap", "test_error"):
        found, limit = (solution.observables[name][-1] for solution in (without, with_little))
        np.testing.assert_allclose(found, limit, atol=1e-8, err_msg=name)


def test_the_complexity_between_nodes_has_its_kink(tmp_path):
    """Where one group changes sign; of a run, and of the table of a sweep, whose columns are entries."""
    neurons = [{"fraction": 0.5, "second_layer": 0.3, "alignment": -0.5}, {"fraction": 0.5, "alignment": 0.2}]
    keys = {**BASE, "activation": "erf", "target": [0.0, 1.0], "width": 4, "neurons": neurons, "t_max": 10.0}
    run = solve(Problem(**keys))
    crossing = np.flatnonzero(np.diff(np.sign(run.second_layer[:, 0])))[0]
    time = run.time[crossing : crossing + 2].mean()
    expected = np.abs(run.at(time)["second_layer"]).mean() * run.complexity[0] / np.abs(run.second_layer[0]).mean()
    assert run.at(time)["complexity"] == pytest.approx(expected, rel=1e-12)
    table = sweep(Sweep(Problem(**keys), {"problem.noise": [0.3]}), tmp_path / "sweep")
    assert table.at(time)["complexity"][0] == pytest.approx(expected, rel=1e-12)


def test_a_table_of_one_group_and_two_directions_at_a_time(tmp_path):
    problem = Problem(**{**BASE, "width": 2, "target": TARGET, "alignment": [0.1, -0.3]})
    table = sweep(Sweep(problem, {"problem.noise": [0.1, 0.3]}), tmp_path / "sweep")
    assert table.at(1.0)["complexity"][1] == pytest.approx(solve(problem).at(1.0)["complexity"], rel=1e-12)
