"""Online SGD against the reference file, against SciPy's integrators on equations written once more, and against itself."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dmft import Outcome, Solution, solve
from dmft.mathematics.gaussian_integrals import CLOSED_FORMS
from dmft.running.solve import StopRun
from tests.online_sgd import CASE_A, REFERENCE, online, random_start

# eps_g at these times, to the digits given there.
POINTS = {
    0.0: 0.45382138938,
    1.0: 0.22742699873,
    7.0: 0.019356649537,
    51.25: 0.014284569276,
    193.0: 0.00029640009928,
    300.0: 0.0000026705637106,
}


@pytest.mark.slow
def test_reference_file():
    """Every column at every time: overlaps to 1e-8, and the error to 1e-8 of its value, which falls by five decades."""
    solution = solve(online(300.0, 1e-10, **CASE_A))
    rows = np.genfromtxt(REFERENCE, delimiter=",", names=True)
    assert len(rows) > 20
    for row in rows:
        found = solution.order_parameters_at(row["t"])
        expected = {"Q": [[row["Q11"], row["Q12"]], [row["Q12"], row["Q22"]]], "v": [row["v1"], row["v2"]]}
        expected["R"] = [[row["R11"], row["R12"]], [row["R21"], row["R22"]]]
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-10)
        assert solution.at(row["t"])["generalization_error"] == pytest.approx(row["eg"], rel=1e-8)
    for time, error in POINTS.items():
        assert solution.at(time)["generalization_error"] == pytest.approx(error, rel=1e-8)


def written_once_more(model):
    """dy/dt from the averages of single tuples of fields, sum by sum as in the equations."""
    module = CLOSED_FORMS[model.activation]
    K, M = model.R.shape
    students, fields = range(K), range(K + M)
    lr, lr2, sigma, wd = model.learning_rate, model.second_layer_learning_rate, model.noise, model.weight_decay

    def rate(t, y):
        found = model.order_parameters(np.asarray(y)[:, None])
        Q, R, v = (found[name][0] for name in ("Q", "R", "v"))
        C, e = np.block([[Q, R], [R.T, model.T]]), np.append(-v, model.A)

        def I3(i, n, a):
            return C[i, n] * module.curvature(C, i, a) + C[n, a] * module.slopes(C, i, a)

        dQ, dR = np.zeros_like(Q), np.zeros_like(R)
        for i in students:
            for n in range(M):
                dR[i, n] = lr * v[i] * sum(e[a] * I3(i, K + n, a) for a in fields) - wd * R[i, n]
            for k in students:
                drift = sum(e[a] * (v[i] * I3(i, k, a) + v[k] * I3(k, i, a)) for a in fields)
                squares = sum(e[a] * e[b] * module.four_point(C, i, k, a, b) for a in fields for b in fields)
                diffusion = v[i] * v[k] * (squares + sigma**2 * module.slopes(C, i, k))
                dQ[i, k] = lr * drift + lr**2 * diffusion - 2 * wd * Q[i, k]
        dv = np.array([lr2 * sum(e[a] * module.two_point(C, i, a) for a in fields) - wd * v[i] for i in students])
        return model.packed(dQ, dR, dv)

    return rate


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
@pytest.mark.parametrize("both", [False, True])
def test_equations_written_once_more(activation, both):
    """With everything in it: three students, two teachers that overlap, noise, decay, outputs and rates of their own."""
    problem = online(
        30.0,
        1e-9,
        activation=activation,
        learning_rate=0.4,
        second_layer_learning_rate=0.1,
        train_second_layer=both,
        noise=0.3,
        weight_decay=0.02,
        student_overlap=[[0.5, 0.1, 0.0], [0.1, 0.4, 0.05], [0.0, 0.05, 0.3]],
        cross_overlap=[[0.2, 0.0], [0.0, 0.1], [0.1, -0.1]],
        teacher_overlap=[[1.0, 0.3], [0.3, 0.8]],
        student_output=[0.6, 0.5, -0.2],
        teacher_output=[1.0, 0.8],
    )
    solution, model = solve(problem), problem.parameters.build()
    rate = written_once_more(model)
    for y in (model.start(), solution.state.history["y"][:, -1]):
        np.testing.assert_allclose(model.rate(0.0, y), rate(0.0, y), rtol=1e-11, atol=1e-13)
    times = np.array([1.0, 5.0, 30.0])
    # SciPy on the compiled equations, which have just been found right.
    there = solve_ivp(model.rate, (0, 30), model.start(), "DOP853", t_eval=times, rtol=1e-11, atol=1e-12)
    expected = model.observe(there.y)
    for k, time in enumerate(times):
        for name, value in solution.at(time).items():
            assert value == pytest.approx(expected[name][k], rel=1e-8)


PROBLEMS = {
    "erf": random_start(3, 2, seed=1, t_max=1e4),
    "both layers": random_start(3, 2, seed=1, t_max=1e4, train_second_layer=True),
    "relu": random_start(3, 2, seed=1, t_max=1e3, activation="relu"),
    "relu, both layers": random_start(2, 2, seed=2, t_max=1e3, activation="relu", train_second_layer=True),
    "linear": random_start(3, 2, seed=1, t_max=1e3, activation="linear", train_second_layer=True),
    "no noise": random_start(2, 2, seed=3, t_max=1e3, noise=0.0),
    "large rate": random_start(2, 2, seed=4, t_max=1e3, learning_rate=3.0, noise=0.5),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6])
def test_tolerance_is_kept(name, tolerance):
    problem = PROBLEMS[name].replace(tolerance=tolerance)
    fine = solve(problem.replace(tolerance=1e-9, stages=7))
    for error in solve(problem).errors(fine).values():
        assert error < tolerance


@pytest.mark.parametrize("difference", [1e-4, 1e-8, 1e-10])
def test_tolerance_is_kept_where_students_are_nearly_alike(difference):
    """A difference far below the tolerance decides when the plateau ends, and must grow as the equations say."""
    keys = {**CASE_A, "student_overlap": [[0.3, 0], [0, 0.3]], "cross_overlap": [[difference, 0], [0, 0]]}
    fine = solve(online(1500.0, 1e-9, solver={"stages": 7}, **keys))
    assert solve(online(1500.0, **keys)).errors(fine)["generalization_error"] < 1e-5


@pytest.mark.parametrize("name", ["erf", "both layers", "relu"])
def test_resumed_runs_are_the_same(name, tmp_path):
    """Stopped after every few cells and gone on from the file: bit for bit."""
    problem = PROBLEMS[name]
    whole = solve(problem)

    def stop(engine, cell):
        if cell.cell % 7 == 0:
            raise StopRun

    solution = solve(problem, output=tmp_path / "run.h5", observers=[stop])
    parts = 1
    while not solution.complete:
        assert solution.outcome is Outcome.INTERRUPTED
        solution = solve(problem, output=tmp_path / "run.h5", observers=[stop])
        parts += 1
    assert parts > 2
    stored = Solution.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(stored.time, whole.time)
    for kind in ("observables", "order_parameters"):
        for key, values in getattr(whole, kind).items():
            np.testing.assert_array_equal(getattr(stored, kind)[key], values)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
@pytest.mark.parametrize("both", [False, True])
def test_the_longest_times(activation, both):
    """t = 1e8, at rest or still slowly on the way."""
    solution = solve(random_start(2, 2, activation=activation, train_second_layer=both, t_max=1e8))
    assert solution.complete
    assert len(solution.time) < 1500
    late = [solution.at(t)["generalization_error"] for t in (1e7, 1e8)]
    assert late[1] <= late[0] * (1 + 1e-6)


def test_without_noise_to_the_longest_times():
    """A ReLU student that reaches its teacher: angles of rounding errors are not followed."""
    solution = solve(random_start(2, 2, activation="relu", noise=0.0, t_max=1e8))
    assert solution.complete
    assert abs(solution.generalization_error[-1]) < 1e-12


def test_an_antiparallel_pair_grows():
    """Two excess students leave their symmetric state and become w and -w, ever longer: eps_g falls to that without them."""
    problem = random_start(4, 2, seed=2, learning_rate=0.1, noise=0.05, dimension=100, t_max=1e8)
    solution = solve(problem)
    lengths = solution.order_parameters["Q"][-1].diagonal()
    pair = np.argsort(lengths)[-2:]
    assert (lengths[pair] > 50).all()
    Q, R = solution.order_parameters["Q"][-1], solution.order_parameters["R"][-1]
    assert Q[pair[0], pair[1]] / np.sqrt(lengths[pair].prod()) == pytest.approx(-1.0, abs=1e-3)
    np.testing.assert_allclose(R[pair[0]], -R[pair[1]], rtol=1e-3)
    alone = 0.05**2 * 0.1 * (2 / np.sqrt(3)) / (2 * np.pi)
    early, late = (solution.at(t)["generalization_error"] for t in (1e4, 1e8))
    assert early > 2.5 * alone
    assert late < 1.25 * alone


def test_students_in_another_order():
    Q, R, _ = random_start(3, 2, seed=6).parameters.overlaps()
    order = [2, 0, 1]
    keys = {"activation": "erf", "learning_rate": 0.2, "noise": 0.1}
    one = solve(online(student_overlap=Q.tolist(), cross_overlap=R.tolist(), **keys))
    moved = {"student_overlap": Q[np.ix_(order, order)].tolist(), "cross_overlap": R[order].tolist()}
    two = solve(online(**moved, **keys))
    np.testing.assert_allclose(two.order_parameters["R"][-1], one.order_parameters["R"][-1][order], rtol=1e-6)
