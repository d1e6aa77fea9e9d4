"""Seeds are added, never lost and never done twice; whatever ends a simulation, the same command goes on, bit for bit."""

import os
import signal
from dataclasses import replace

import numpy as np
import psutil
import pytest

import dmft as package
from dmft import ProblemError, Simulation, simulate
from dmft.simulation import folder, run, worker
from tests.comparison import assert_same, datasets
from tests.problem_files import toml_file
from tests.processes import PATIENCE, end_all, on_ranks, start, wait_until

PROBLEM = """
[problem]
width = 3
samples_per_dimension = 2.0
activation = "erf"
target = [0.0, 1.0]
noise = 0.3
alignment = 0.1

[solver]
t_max = 5.0
"""
# Thousands of steps a seed: there is always time to send a signal.
SLOW = PROBLEM + 'scheme = "gradient-descent"\nlearning_rate = 0.001\n'
OPTIONS = ("--dim", 20, "--times", 8)


quick = toml_file("quick", PROBLEM)
slow = toml_file("slow", SLOW)


@pytest.fixture(scope="module")
def reference() -> Simulation:
    """Four seeds of `quick` at one go."""
    return simulate(package.Problem.from_toml(PROBLEM), dim=20, seeds=4, times=8)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, np.ndarray]:
    """Every dataset of four seeds of `slow` at one go."""
    path = tmp_path_factory.mktemp("uninterrupted") / "sim.h5"
    simulate(package.Problem.from_toml(SLOW), dim=20, seeds=4, times=8, output=path)
    return datasets(path)


def left(folder) -> list[str]:
    """What is in a folder besides problem files."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".toml")


def assert_equal(found: Simulation, expected: Simulation) -> None:
    assert np.array_equal(found.seeds, expected.seeds)
    for name, values in expected.trajectories.items():
        assert np.array_equal(found.trajectories[name], values), name


def test_a_seed_is_the_same_whatever_the_others(reference):
    alone = simulate(reference.problem, dim=20, seeds=[2], times=8)
    for name, values in alone.trajectories.items():
        assert np.array_equal(values[0], reference.trajectories[name][2])
    first, second = reference.trajectories["test_error"][:2, -1]
    assert first != second


def test_only_new_seeds_are_run(dmft, quick, tmp_path, reference, monkeypatch):
    output, ran = tmp_path / "sim.h5", []
    simulated = worker.SeedWorker.run
    monkeypatch.setattr(worker.SeedWorker, "run", lambda self, seed: (ran.append(seed), simulated(self, seed))[1])
    for options in (("--seeds", 2), ("--seeds", 2), ("--seeds", 1, "--first-seed", 3), ("--seeds", 4), ("--seeds", 1)):
        assert dmft("simulate", quick, "-o", output, *OPTIONS, *options).code == 0
    assert ran == [0, 1, 3, 2]
    assert_equal(Simulation.load(output), reference)
    assert left(tmp_path) == ["sim.h5"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["processes", "ranks"])
def test_any_number_of_processes_gives_the_same_result(quick, tmp_path, reference, way):
    arguments = ["simulate", quick, "-o", tmp_path / "sim.h5", *OPTIONS, "--seeds", 4]
    process = start(*arguments, "--jobs", 2) if way == "processes" else on_ranks(*arguments)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out.count("\n") == 1
    assert "4 of 4 seeds done" in out
    assert_equal(Simulation.load(tmp_path / "sim.h5"), reference)
    assert left(tmp_path) == ["sim.h5"]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_signal_stops_after_a_checkpoint(dmft, slow, tmp_path, uninterrupted, jobs):
    output = tmp_path / "sim.h5"
    arguments = ["simulate", slow, "-o", output, *OPTIONS, "--seeds", 4, "--checkpoint", 0.05]
    process = start(*arguments, "--jobs", jobs)
    wait_until(lambda: list(folder.folder_of(output).glob("*.npz")), process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (4, "")
    assert err.count("\n") == 1
    for part in (str(output), "SIGTERM", "of 4 seeds done", "the same command goes on"):
        assert part in err
    assert dmft(*arguments).code == 0
    assert_same(datasets(output), uninterrupted)
    assert left(tmp_path) == ["sim.h5"]


@pytest.mark.slow
def test_killed_at_any_moment(dmft, slow, tmp_path, uninterrupted):
    output = tmp_path / "sim.h5"
    arguments = ["simulate", slow, "-o", output, *OPTIONS, "--seeds", 4, "--checkpoint", 0.02]
    seeds = folder.folder_of(output)
    for wanted in ("seed-0.state.npz", "seed-0.h5", "seed-1.state.npz"):
        process = start(*arguments)
        wait_until(lambda wanted=wanted: (seeds / wanted).exists() or output.exists(), process)
        end_all(process)
    (seeds / ".dmft-0123456789abcdef.part").write_bytes(b"half")
    assert dmft(*arguments).code == 0
    assert_same(datasets(output), uninterrupted)
    assert left(tmp_path) == ["sim.h5"]


def test_state_of_a_seed_that_was_killed_at_its_end_is_removed(dmft, quick, tmp_path, reference):
    output, seeds = tmp_path / "sim.h5", folder.folder_of(tmp_path / "sim.h5")
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 2).code == 0
    seeds.mkdir()
    output.rename(seeds / "seed-0.h5")
    (seeds / "seed-1.state.npz").write_bytes(b"older than the result")
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 4).code == 0
    assert_equal(Simulation.load(output), reference)
    assert left(tmp_path) == ["sim.h5"]


def test_damaged_seed_is_simulated_again(dmft, quick, tmp_path, reference):
    output, seeds = tmp_path / "sim.h5", folder.folder_of(tmp_path / "sim.h5")
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 2).code == 0
    seeds.mkdir()
    image = bytearray(output.read_bytes())
    image[len(image) // 2] ^= 1
    for seed in (2, 3):
        (seeds / f"seed-{seed}.h5").write_bytes(image[: len(image) // (seed - 1)])
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 4).code == 0
    assert_equal(Simulation.load(output), reference)
    assert left(tmp_path) == ["sim.h5"]


@pytest.mark.slow
def test_master_killed_ends_its_workers(slow, tmp_path):
    output = tmp_path / "sim.h5"
    process = start("simulate", slow, "-o", output, *OPTIONS, "--seeds", 4, "--jobs", 2, "--checkpoint", 0.05)
    wait_until(lambda: list(folder.folder_of(output).glob("*.npz")), process)
    orphans = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=PATIENCE)
    _, alive = psutil.wait_procs(orphans, timeout=PATIENCE)
    assert orphans
    assert not alive


def test_a_seed_that_raises_is_told_and_tried_again(dmft, quick, tmp_path, reference, monkeypatch):
    output = tmp_path / "sim.h5"
    arguments = ["simulate", quick, "-o", output, *OPTIONS, "--seeds", 4]
    simulate_seed = worker.SeedWorker._simulate

    def fail_at_one(self, seed):
        if seed == 1:
            raise MemoryError("too much")
        return simulate_seed(self, seed)

    with monkeypatch.context() as patch:
        patch.setattr(worker.SeedWorker, "_simulate", fail_at_one)
        ended = dmft(*arguments)
    assert ended.code == 3
    assert "3 of 4 seeds done, 1 failed, the first of them seed 1, raised: MemoryError: too much" in ended.err
    assert Simulation.load(output).seeds.tolist() == [0, 2, 3]
    assert dmft(*arguments).code == 0
    assert_equal(Simulation.load(output), reference)
    assert left(tmp_path) == ["sim.h5"]


DEADLY = """
import os, signal
from dmft.simulation import worker

def build(stop, **arguments):
    made = worker.seed_worker(stop, **arguments)
    run = made.run
    made.run = lambda seed: os.kill(os.getpid(), signal.SIGKILL) if seed == 1 else run(seed)
    return made
"""


@pytest.mark.slow
def test_a_seed_that_kills_its_process_is_a_failed_one(dmft, quick, tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    recipe = worker.recipe
    monkeypatch.setattr(run, "recipe", lambda *keys: replace(recipe(*keys), build="deadly:build"))
    ended = dmft("simulate", quick, "-o", tmp_path / "sim.h5", *OPTIONS, "--seeds", 3, "--jobs", 2)
    assert ended.code == 3
    assert "2 of 3 seeds done, 1 failed, the first of them seed 1, killed: 2 processes ended by signal 9" in ended.err


def test_seeds_that_diverge_are_kept_and_told(dmft, slow, tmp_path):
    output = tmp_path / "sim.h5"
    arguments = ["simulate", slow, "-o", output, *OPTIONS, "--seeds", 2, "--set", "solver.learning_rate=40.0"]
    arguments += ["--set", "solver.t_max=4e5"]
    for _ in range(2):
        ended = dmft(*arguments)
        assert ended.code == 3
        assert "2 of 2 seeds done, 2 diverged, the first of them seed 0: a value overflowed" in ended.err
    found = Simulation.load(output)
    assert found.outcome.failed
    assert found.diverged.tolist() == [0, 1]
    assert np.isfinite(found.test_error[0])


def test_another_simulation_is_refused_and_named(dmft, quick, tmp_path):
    output = tmp_path / "sim.h5"
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 1).code == 0
    before = output.read_bytes()
    for options, message in (
        (("--dim", 30), "dim = 20 there, 30 wanted"),
        (("--times", 9), "times = 8 there, 9 wanted"),
        (("--fields", "gaussian", "--set", "problem.activation_degree=2"), "activation_degree = None there, 2 wanted"),
        (("--set", "problem.noise=0.2"), "noise = 0.3 there, 0.2 wanted"),
        (("--set", "solver.t_max=6"), "t_max = 5.0 there, 6.0 wanted"),
    ):
        ended = dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 2, *options)
        assert ended.code == 2
        assert message in ended.err
        assert output.read_bytes() == before
    assert dmft("simulate", quick, "-o", output, *OPTIONS, "--seeds", 1, "--set", "solver.tolerance=1e-7").code == 0
    assert left(tmp_path) == ["sim.h5"]


@pytest.mark.slow
def test_seeds_of_another_simulation_beside_the_file_are_refused(dmft, quick, slow, tmp_path):
    output = tmp_path / "sim.h5"
    process = start("simulate", slow, "-o", output, *OPTIONS, "--checkpoint", 0.02)
    wait_until(lambda: list(folder.folder_of(output).glob("*.npz")), process)
    end_all(process)
    output.unlink(missing_ok=True)
    ended = dmft("simulate", quick, "-o", output, *OPTIONS)
    assert ended.code == 2
    assert "holds another simulation: learning_rate" in ended.err


@pytest.mark.slow
def test_two_processes_at_once_are_refused(dmft, slow, tmp_path):
    output = tmp_path / "sim.h5"
    process = start("simulate", slow, "-o", output, *OPTIONS, "--checkpoint", 0.02)
    wait_until(lambda: list(folder.folder_of(output).glob("*.npz")), process)
    ended = dmft("simulate", slow, "-o", output, *OPTIONS)
    end_all(process)
    assert ended.code == 2
    assert "another process is at work on this simulation" in ended.err


def test_what_cannot_fit_is_refused_before_anything_runs(dmft, quick, tmp_path):
    ended = dmft("simulate", quick, "-o", tmp_path / "sim.h5", "--dim", 500, "--fields", "gaussian")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    for part in ("dim = 500 with fields = gaussian", "a seed needs", "wanted a smaller dim, or an activation of degree <"):
        assert part in ended.err
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dim", 1), "dim = 1: wanted a number >= 2"),
        (("--dim", 10, "--seeds", 0), "seeds = 0: wanted at least one"),
        (("--dim", 10, "--jobs", 0), "--jobs = 0: wanted a whole number >= 1"),
        (("--dim", 10, "--fields", "other"), 'fields = "other": wanted network or real-network or gaussian'),
        (("--dim", 10, "--set", "problem.width=inf", "--set", "problem.samples_per_dimension=2.0"), "width = inf"),
        (("--seeds", 2), "Missing option '--dim'"),
    ],
)
def test_bad_input(dmft, quick, tmp_path, options, message):
    ended = dmft("simulate", quick, "-o", tmp_path / "sim.h5", *options)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert message in ended.err
    assert left(tmp_path) == []


def test_a_model_without_a_simulation_is_refused(tmp_path):
    problem = package.Problem(model="spherical-pspin", couplings={"3": 0.5}, t_max=1.0)
    with pytest.raises(ProblemError, match=r'model = "spherical-pspin": wanted a theory that can be simulated'):
        simulate(problem, dim=10)


def test_a_run_file_is_not_overwritten(dmft, quick, tmp_path):
    output = tmp_path / "run.h5"
    assert dmft("solve", quick, "-o", output).code == 0
    before = output.read_bytes()
    ended = dmft("simulate", quick, "-o", output, *OPTIONS)
    assert ended.code == 2
    assert "wanted a simulation file to add to, or a new name" in ended.err
    assert output.read_bytes() == before
    assert left(tmp_path) == ["run.h5"]


def test_a_file_that_cannot_be_written(dmft, quick, tmp_path):
    ended = dmft("simulate", quick, "-o", tmp_path / "missing" / "sim.h5", *OPTIONS)
    assert ended.code == 2
    assert "cannot be written" in ended.err
    assert os.listdir(tmp_path) == ["quick.toml"]
