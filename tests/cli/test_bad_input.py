"""Bad input of every kind: exit status 2, one line that names the file and the key, nothing written."""

import os

import pytest

from dmft import Problem, simulate
from tests.problem_files import POINT

# What is put in place of a line of the problem file, and what the complaint must name.
WRONG_VALUES = {
    "unknown key": ("width = 4", "widht = 4", ["'widht'", "'width'"]),
    "unknown table": ("[solver]", "[slover]", ["'slover'", "'solver'"]),
    "both ratios": ("noise = 0.3", "samples_per_dimension = 2.0", ["samples_per_parameter", "both"]),
    "neither ratio": ("samples_per_parameter = 1.0", "", ["samples_per_parameter", "neither"]),
    "no width": ("width = 4", "", ["width", "missing"]),
    "width 0": ("width = 4", "width = 0", ["width = 0:"]),
    "width 1.5": ("width = 4", "width = 1.5", ["width = 1.5:", "whole"]),
    "width negative": ("width = 4", "width = -2", ["width = -2:"]),
    "width nan": ("width = 4", "width = nan", ["width = nan:"]),
    "width true": ("width = 4", "width = true", ["width = true:"]),
    "ratio 0": ("samples_per_parameter = 1.0", "samples_per_parameter = 0", ["samples_per_parameter = 0:"]),
    "noise negative": ("noise = 0.3", "noise = -0.3", ["noise = -0.3:"]),
    "noise text": ("noise = 0.3", 'noise = "0.3"', ['noise = "0.3":']),
    "no coefficients": ("activation = [0.1, 0.8, 0.5]", "activation = []", ["activation = []:"]),
    "coefficient nan": ("activation = [0.1, 0.8, 0.5]", "activation = [nan]", ["activation =", "finite"]),
    "coefficient inf": ("activation = [0.1, 0.8, 0.5]", "activation = [inf]", ["activation =", "finite"]),
    "target empty": ("target = [0.0, 1.0]", "target = []", ["target = []:"]),
    "target inf": ("target = [0.0, 1.0]", "target = [0.0, -inf]", ["target =", "finite"]),
    "constant activation": ("activation = [0.1, 0.8, 0.5]", "activation = [1.0, 0.0]", ["activation"]),
    "kink": ("activation = [0.1, 0.8, 0.5]", 'activation = "relu"', ["relu", "activation_degree"]),
    "unknown activation": ("activation = [0.1, 0.8, 0.5]", 'activation = "error"', ["activation =", "erf"]),
    "unknown model": ("width = 4", 'width = 4\nmodel = "three-layer"', ["model =", "two-layer-flow"]),
    "model longer than a name of a file": ("width = 4", f'width = 4\nmodel = "{"x" * 400}"', ["model = ", "two-layer-flow"]),
    "model list": ("width = 4", "width = 4\nmodel = [1]", ["model = [1]:"]),
    "t_max 0": ("t_max = 20.0", "t_max = 0", ["t_max = 0:"]),
    "t_max negative": ("t_max = 20.0", "t_max = -1.0", ["t_max = -1.0:"]),
    "t_max nan": ("t_max = 20.0", "t_max = nan", ["t_max = nan:"]),
    "t_max inf": ("t_max = 20.0", "t_max = inf", ["t_max = inf:"]),
    "no t_max": ("t_max = 20.0", "", ["t_max", "missing"]),
    "tolerance 0": ("tolerance = 1e-4", "tolerance = 0", ["tolerance = 0:"]),
    "tolerance 1": ("tolerance = 1e-4", "tolerance = 1.0", ["tolerance = 1.0:"]),
    "tolerance tiny": ("tolerance = 1e-4", "tolerance = 1e-15", ["tolerance = 1e-15:"]),
    "stages 1.5": ("t_max = 20.0", "t_max = 20.0\nstages = 1.5", ["stages = 1.5:"]),
    "malformed": ("width = 4", "width == 4", ["TOML", "line 3"]),
}
WRONG_SETS = {
    "no equals sign": ("width", ["--set width", "problem.width=20"]),
    "no table": ("width=4", ["--set width=4", "problem.width=20"]),
    "unknown key": ("problem.widht=4", ["'widht'", "'width'"]),
    "unknown table": ("prolbem.width=4", ["'prolbem'", "'problem'"]),
    "no value": ("problem.width=", ["width ="]),
    "width 1.5": ("problem.width=1.5", ["width = 1.5:"]),
}
WRONG_USAGE = {
    "no command": ([], ["command"]),
    "unknown command": (["slove"], ["slove"]),
    "unknown option": (["solve", "--fast"], ["--fast"]),
    "no problem file": (["solve"], ["PROBLEM.toml"]),
    "no output": (["solve", "quick.toml"], ["--output"]),
    "checkpoint text": (["solve", "quick.toml", "-o", "new.h5", "--checkpoint", "soon"], ["--checkpoint"]),
    "checkpoint negative": (["solve", "quick.toml", "-o", "new.h5", "--checkpoint", "-1"], ["--checkpoint = -1:"]),
    "missing file": (["solve", "absent.toml", "-o", "new.h5"], ["absent.toml:", "No such file"]),
    "folder for a file": (["solve", "folder", "-o", "new.h5"], ["folder:", "directory"]),
    "binary file": (["solve", "binary.dat", "-o", "new.h5"], ["binary.dat:", "TOML"]),
    "no such folder": (["solve", "quick.toml", "-o", "absent/new.h5"], ["absent/new.h5:", "cannot be written"]),
    "output a folder": (["solve", "quick.toml", "-o", "folder"], ["folder:", "folder"]),
    "output no run file": (["solve", "quick.toml", "-o", "binary.dat"], ["binary.dat:", "run file"]),
    "plan missing file": (["plan", "absent.toml"], ["absent.toml:"]),
    "show missing file": (["show", "absent.h5"], ["absent.h5:"]),
    "show no run file": (["show", "quick.toml"], ["quick.toml:", "run file"]),
    "show folder": (["show", "folder"], ["folder:"]),
    "plot no run file": (["plot", "binary.dat"], ["binary.dat:", "run file"]),
    "plot format": (["plot", "binary.dat", "-o", "figure.gif"], ["figure.gif:", ".png"]),
    "plot no suffix": (["plot", "binary.dat", "-o", "figure"], ["figure:", ".png"]),
    "cite no run file": (["cite", "binary.dat"], ["binary.dat:", "run file"]),
    "solve a sweep": (["solve", "sweep.toml", "-o", "new.h5"], ["sweep.toml:", "dmft sweep"]),
    "simulate a sweep": (["simulate", "sweep.toml", "-o", "new.h5", "--dim", "9"], ["sweep.toml:", "dmft sweep"]),
    "explore a sweep": (["explore", "sweep.toml"], ["sweep.toml:", "dmft sweep"]),
    "sweep a problem": (["sweep", "quick.toml", "-o", "new"], ["quick.toml:", "[sweep.axes]", "dmft solve"]),
    "show a sweep": (["show", "scan"], ["scan:", "dmft collect scan"]),
    "plot a sweep": (["plot", "collected"], ["collected:", "collected/sweep.h5"]),
}


@pytest.fixture
def refused(dmft, quick, tmp_path, monkeypatch):
    """Run a command that must be refused, in a folder that must not change."""
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "scan", "collected"):
        (tmp_path / folder).mkdir()
    for path in ("sweep.toml", "scan/sweep.toml", "collected/sweep.toml", "collected/sweep.h5"):
        (tmp_path / path).write_text(f'{POINT}\n[sweep.axes]\n"problem.noise" = [0.1, 0.3]\n')
    (tmp_path / "binary.dat").write_bytes(bytes(range(256)))

    def call(arguments, named):
        before = snapshot(tmp_path)
        ended = dmft(*arguments)
        assert ended.code == 2
        assert ended.out == ""
        assert ended.err.count("\n") == 1
        assert ended.err.startswith("dmft: ")
        for name in named:
            assert name in ended.err
        assert snapshot(tmp_path) == before

    return call


def snapshot(folder):
    """Names and contents of everything in a folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_wrong_value(refused, quick, case):
    line, wrong, named = WRONG_VALUES[case]
    assert POINT.count(line) == 1
    quick.write_text(POINT.replace(line, wrong))
    refused(["solve", "quick.toml", "-o", "new.h5"], ["quick.toml: ", *named])


@pytest.mark.parametrize("case", WRONG_SETS)
def test_wrong_set(refused, case):
    assignment, named = WRONG_SETS[case]
    refused(["solve", "quick.toml", "-o", "new.h5", "--set", assignment], ["quick.toml: ", *named])


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage(refused, case):
    refused(*WRONG_USAGE[case])


def test_files_of_another_kind(refused, solved, tmp_path):
    simulate(Problem.from_toml(POINT), dim=8, seeds=1, times=2).save(tmp_path / "sim.h5")
    refused(["compare", solved, solved], [f"{solved}: is a run file: wanted a simulation file"])
    refused(["compare", "sim.h5", "sim.h5"], ["sim.h5: is a simulation file: wanted a run file"])
    refused(["solve", "quick.toml", "-o", "sim.h5"], ["sim.h5: is a simulation file: wanted a run file"])


def test_output_of_another_problem(refused, solved):
    refused(["solve", "quick.toml", "-o", solved, "--set", "problem.noise=0.4"], [str(solved), "noise = 0.3"])
    refused(["solve", "quick.toml", "-o", solved, "--set", "solver.t_max=10.0"], [str(solved), "t = 20", "t_max"])


def test_damaged_run_file(refused, solved):
    whole = solved.read_bytes()
    solved.write_bytes(whole[: len(whole) // 2])
    refused(["show", solved], [str(solved), "run file"])
    refused(["solve", "quick.toml", "-o", solved], [str(solved), "run file"])


@pytest.mark.parametrize("time", ["-1", "20.001", "nan", "inf"])
def test_time_outside(refused, solved, time):
    refused(["show", solved, "--at", time], [str(solved), "[0, 20]"])


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_unwritable_folder(refused, tmp_path):
    (tmp_path / "folder").chmod(0o555)
    refused(["solve", "quick.toml", "-o", "folder/new.h5"], ["folder/new.h5:", "cannot be written"])


def test_folder_that_cannot_be_created_in(refused, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    refused(["solve", "quick.toml", "-o", "new.h5"], ["new.h5:", "No space left"])


def test_too_large_for_memory(refused):
    large = ["problem.width=4", "solver.stages=1", "solver.tolerance=1e-10", "solver.max_nodes=100000000"]
    sets = [argument for assignment in large for argument in ("--set", assignment)]
    refused(["solve", "quick.toml", "-o", "new.h5", *sets], ["quick.toml:", "GB"])


def test_memory_that_gives_out(refused, monkeypatch):
    def too_much(_):
        raise MemoryError("Unable to allocate 1 PiB")

    monkeypatch.setattr("dmft.running.cost.expected_nodes", too_much)
    refused(["solve", "quick.toml", "-o", "new.h5"], ["not enough memory: Unable to allocate 1 PiB"])
