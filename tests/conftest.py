"""Problems that several tests share, and commands run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from dmft import Problem
from dmft.cli.main import run

REFERENCE = json.loads((Path(__file__).parent / "data" / "two_layer_flow.json").read_text())["cases"]

OBSERVABLES = {
    "train": "train_error",
    "test": "test_error",
    "a": "second_layer",
    "v": "alignment",
    "Cd0": "memory_of_start",
    "Co": "neuron_overlap",
}


def reference_problem(name: str, **keys) -> Problem:
    """One case of the reference file; its a0 is the value of a(0) itself."""
    given = dict(REFERENCE[name]["problem"])
    given["init_scale"] = given.pop("a0")
    return Problem(**{**given, **keys})


SMALL = {
    "width": 3,
    "samples_per_parameter": 1.0,
    "activation": [0.1, 0.7**0.5, 0.3**0.5],
    "target": [0.2, 1.0, 0.4],
    "noise": 0.3,
    "alignment": 0.1,
    "t_max": 20.0,
    "tolerance": 1e-5,
}


def small_problem(**keys) -> Problem:
    """Quadratic network near its interpolation threshold: no term of the equations vanishes."""
    return Problem(**{**SMALL, **keys})


@pytest.fixture
def small() -> Problem:
    """`small_problem` as it is."""
    return small_problem()


@dataclass(frozen=True)
class Ended:
    """Exit status and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def dmft(capsys):
    """Run a command in this process."""

    def call(*arguments) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return call
