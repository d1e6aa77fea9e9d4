"""Commands on online SGD: solve, show, plot, simulate, compare, sweep, and bad input."""

import h5py
import numpy as np
import pytest

from dmft import Solution, Table

TWO = """
[problem]
model = "online-sgd"
activation = "erf"
learning_rate = 0.5
noise = 0.1
student_overlap = [[0.3, 0.02], [0.02, 0.25]]
cross_overlap = [[0.05, 0.01], [-0.02, 0.03]]

[solver]
t_max = 500.0
"""
SWEEP = """
[problem]
model = "online-sgd"
activation = "erf"
learning_rate = 0.2
noise = 0.1
teacher_units = 2
dimension = 200

[solver]
t_max = 100.0

[sweep.axes]
"problem.student_units" = [2, 3, 4]
"problem.seed" = [0, 1]
"""


@pytest.fixture
def two(tmp_path):
    file = tmp_path / "two.toml"
    file.write_text(TWO)
    return file


def test_solve_show_plot_cite(two, dmft, tmp_path):
    run = tmp_path / "run.h5"
    assert dmft("solve", two, "-o", run).code == 0
    assert "complete already" in dmft("solve", two, "-o", run).out
    assert dmft("solve", two, "-o", run, "--set", "solver.t_max=600").code == 0
    shown = dmft("show", run).out
    for part in ("generalization_error", "student_norm", "steady state", "stable: what decays slowest"):
        assert part in shown
    assert "norm_along_teachers" in dmft("show", run, "--at", 51.25).out
    assert dmft("plot", run, "-o", tmp_path / "run.png", "--size", "3x3").code == 0
    cited = dmft("cite", run).out
    for key in ("saad1995online", "goldt2019dynamics", "hairer1996solving"):
        assert key in cited
    assert "walker2011anderson" not in cited


def test_run_file_holds_order_parameters(two, dmft, tmp_path):
    run = tmp_path / "run.h5"
    dmft("solve", two, "-o", run)
    with h5py.File(run) as file:
        n = len(file["time"])
        assert {name: data.shape for name, data in file["order_parameters"].items()} == {
            "Q": (n, 2, 2),
            "R": (n, 2, 2),
            "v": (n, 2),
        }
        assert [dimension.keys()[0] for dimension in file["order_parameters/R"].dims] == ["time", "student", "teacher"]
        assert "kernels" not in file or len(file["kernels"]) == 0
    solution = Solution.load(run)
    # The error of the final state, by the closed form in Q and R.
    Q, R = solution.order_parameters["Q"][-1], solution.order_parameters["R"][-1]
    C, e = np.block([[Q, R], [R.T, np.eye(2)]]), np.array([-1.0, -1.0, 1.0, 1.0])
    scale = np.sqrt(np.outer(1 + C.diagonal(), 1 + C.diagonal()))
    assert solution.generalization_error[-1] == pytest.approx(e @ np.arcsin(C / scale) @ e / np.pi, rel=1e-10)


def test_bad_input(two, dmft, tmp_path):
    ended = dmft("solve", two, "-o", tmp_path / "run.h5", "--set", "problem.cross_overlap=[[0.9, 0.0], [0.0, 0.9]]")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "is -0.355: wanted a positive semidefinite one" in ended.err
    assert not (tmp_path / "run.h5").exists()


def test_divergence_is_a_failure_that_is_kept(two, dmft, tmp_path):
    run = tmp_path / "run.h5"
    ended = dmft("solve", two, "-o", run, "--set", "problem.activation=linear", "--set", "problem.learning_rate=1.5")
    assert ended.code == 3
    assert "not-finite" in ended.err
    assert Solution.load(run).student_norm[-1] > 1e100
    assert dmft("plot", run, "-o", tmp_path / "run.png", "--size", "3x3").code == 0
    assert "none" in dmft("show", run).out


def test_plan_counts_what_is_stored(two, dmft):
    assert "B" in next(line for line in dmft("plan", two).out.splitlines() if line.strip().startswith("file"))


@pytest.mark.slow
def test_simulate_and_compare(two, dmft, tmp_path):
    run, simulation = tmp_path / "run.h5", tmp_path / "sim.h5"
    changes = ("--set", "solver.t_max=5.0")
    assert dmft("solve", two, "-o", run, *changes).code == 0
    assert dmft("simulate", two, "--dim", 300, "--seeds", 6, "-o", simulation, *changes).code == 0
    compared = dmft("compare", run, simulation)
    assert compared.code == 0
    assert "disagree" not in compared.out
    assert "generalization_error" in compared.out
    assert dmft("plot", run, simulation, "-o", tmp_path / "both.png").code == 0
    assert "saad1995online" in dmft("cite", simulation).out


@pytest.mark.parametrize("keep", ["observables", pytest.param("kernels", marks=pytest.mark.slow)])
def test_sweep(dmft, tmp_path, keep):
    (tmp_path / "sweep.toml").write_text(f'{SWEEP}\n[sweep]\nkeep = "{keep}"\n')
    assert dmft("sweep", tmp_path / "sweep.toml", "-o", tmp_path / "sweep").code == 0
    assert dmft("collect", tmp_path / "sweep").code == 0
    table = Table.load(tmp_path / "sweep" / "sweep.h5")
    assert table["final_generalization_error"].shape == (3, 2)
    assert (table["final_generalization_error"] > 0).all()
    assert dmft("plot", tmp_path / "sweep" / "sweep.h5", "-o", tmp_path / "sweep.png").code == 0
    run = Solution.load(tmp_path / "sweep" / table["file"][0, 0])
    assert set(run.order_parameters) == (set() if keep == "observables" else {"Q", "R", "v"})
