"""Problems are values: nothing in them can be changed, equal ones have one hash, and copies are equal."""

import copy
import pickle

import numpy as np
import pytest

from dmft import Problem
from tests.online_sgd import CASE_A, online
from tests.pspin import pspin


def flow(**keys):
    return Problem(**{"width": 10, "samples_per_parameter": 1.0, "activation": [0.0, 1.0], "t_max": 3.0, **keys})


def test_every_key_reads_as_an_attribute():
    problem = flow(tolerance=1e-4)
    assert (problem.width, problem.activation, problem.tolerance, problem.t_max) == (10, (0.0, 1.0), 1e-4, 3.0)
    assert {"width", "tolerance", "replace"} <= set(dir(problem))
    with pytest.raises(AttributeError, match="widht"):
        _ = problem.widht


def test_the_theory_comes_first_where_both_tables_have_a_key():
    assert online(**CASE_A).learning_rate == CASE_A["learning_rate"]


@pytest.mark.parametrize(
    "change",
    [
        lambda problem: setattr(problem, "width", 3),
        lambda problem: setattr(problem, "parameters", None),
        lambda problem: delattr(problem, "solver"),
        lambda problem: setattr(problem.parameters, "couplings", {}),
        lambda problem: setattr(problem.solver, "t_max", 1.0),
        lambda problem: problem.couplings.__setitem__("3", 1.0),
        lambda problem: problem.couplings.__delitem__("3"),
        lambda problem: problem.couplings.__ior__({"3": 1.0}),
        lambda problem: problem.couplings.update({"4": 1.0}),
        lambda problem: problem.couplings.setdefault("4", 1.0),
        lambda problem: problem.couplings.pop("3"),
        lambda problem: problem.couplings.popitem(),
        lambda problem: problem.couplings.clear(),
    ],
)
def test_nothing_can_be_changed(change):
    problem, same = (pspin({"3": 0.5}) for _ in range(2))
    before = hash(problem)
    with pytest.raises((AttributeError, TypeError, ValueError)):
        change(problem)
    assert problem == same
    assert hash(problem) == before


def test_tables_are_copies():
    problem = pspin({"3": 0.5})
    problem.tables["problem"]["couplings"]["3"] = 1.0
    assert problem.couplings == {"3": 0.5}


def test_what_a_problem_was_made_of_may_change():
    given = {"3": 0.5}
    problem = pspin(given)
    given["3"] = 1.0
    assert problem.couplings == {"3": 0.5}


def test_equal_by_value_with_one_hash():
    one, other = pspin({"3": 0.5, "4": 1.0}), pspin({"4": 1, "3": 0.5})
    assert one == other
    assert len({one, other, pspin({"3": 0.5})}) == 2
    assert hash(flow(alignment=0.0)) == hash(flow(alignment=-0.0))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda problem: pickle.loads(pickle.dumps(problem))])
def test_copies_are_equal(copied):
    problem = pspin({"3": 0.5})
    assert copied(problem) == problem


def test_numbers_of_numpy_are_numbers():
    problem = flow(noise=np.float64(0.1), width=np.int64(3))
    assert Problem.from_toml(problem.to_toml()) == problem == flow(noise=0.1, width=3)
