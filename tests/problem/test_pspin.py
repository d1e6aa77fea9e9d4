"""Couplings of the spherical p-spin glass: what is accepted, in which order, and what is refused."""

import pytest

from dmft import Problem, ProblemError
from dmft.problem.overrides import with_overrides
from tests.pspin import pspin


@pytest.mark.parametrize(
    ("couplings", "words"),
    [
        ({}, ["couplings = {}", "table"]),
        (0.5, ["couplings = 0.5", "table"]),
        ([0.0, 0.0, 0.5], ["couplings", "table"]),
        ({"0": 1.0}, ["power 0", "whole number from 1"]),
        ({"3.5": 1.0}, ["power 3.5", "whole number"]),
        ({"-3": 1.0}, ["power -3"]),
        ({"03": 1.0}, ["power 03"]),
        ({"p": 1.0}, ["power p"]),
        ({"101": 1.0}, ["power 101", "to 100"]),
        ({"3": 0.0}, ["power 3", "> 0"]),
        ({"3": -0.5}, ["power 3", "> 0"]),
        ({"3": float("nan")}, ["power 3"]),
        ({"3": float("inf")}, ["power 3"]),
        ({"3": "0.5"}, ["power 3", "a number"]),
        ({"3": True}, ["power 3", "a number"]),
    ],
)
def test_bad_couplings_are_refused_in_one_line(couplings, words):
    with pytest.raises(ProblemError) as error:
        pspin(couplings)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_keys_of_another_model_are_refused():
    with pytest.raises(ProblemError, match="'width'"):
        pspin({"3": 0.5}, width=3)
    with pytest.raises(ProblemError, match="couplings is missing"):
        Problem(model="spherical-pspin", t_max=1.0)


def test_order_and_kind_of_the_powers_do_not_matter():
    problem = pspin({"10": 1, "3": 0.5})
    assert list(problem.parameters.couplings) == ["3", "10"]
    for same in ({"3": 0.5, "10": 1.0}, {3: 0.5, 10: 1}):
        assert pspin(same) == problem
        assert hash(pspin(same)) == hash(problem)


def test_toml_round_trip():
    problem = pspin({"1": 0.1 + 0.2, "3": 1e-17, "4": 2})
    assert Problem.from_toml(problem.to_toml()) == problem
    assert "{ 1 = 0.30000000000000004, 3 = 1e-17, 4 = 2.0 }" in problem.to_toml()


def test_one_coupling_can_be_set():
    tables = pspin({"3": 0.5}).tables
    assert Problem.from_tables(with_overrides(tables, ["problem.couplings.4=0.25"])) == pspin({"3": 0.5, "4": 0.25})
    assert Problem.from_tables(with_overrides(tables, ["problem.couplings.3=1"])) == pspin({"3": 1.0})
    assert Problem.from_tables(with_overrides(tables, ['problem.couplings={ "2" = 1.0 }'])) == pspin({"2": 1.0})
    assert tables == pspin({"3": 0.5}).tables
    with pytest.raises(ProblemError, match="model is not a table"):
        with_overrides(tables, ["problem.model.3=1"])


def test_limits_are_those_of_the_pure_model():
    """E_th = -2 sqrt(f_p (p-1)/p) and nu = -p E_th; neither a field alone nor a mixture has one threshold."""
    assert pspin({"3": 0.5}).parameters.threshold_energy == pytest.approx(-2 / 3**0.5)
    assert pspin({"3": 1.0}).parameters.marginal_multiplier == pytest.approx(2 * 6**0.5)
    assert pspin({"2": 0.5}).parameters.threshold_energy == pytest.approx(-1.0)
    assert pspin({"1": 0.5}).parameters.threshold_energy is None
    assert pspin({"3": 0.5, "4": 0.5}).parameters.threshold_energy is None
