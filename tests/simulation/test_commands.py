"""Commands on simulation files: compare, show, plot, cite."""

import re

import pytest

from dmft import Simulation, simulate, solve
from dmft.problem.problem import Problem
from tests.shown import texts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A run file and three simulations of its problem."""
    folder = tmp_path_factory.mktemp("files")
    problem = Problem(
        width=2,
        samples_per_dimension=2.0,
        activation=[0.0, 0.8, 0.6],
        target=[0.0, 1.0],
        noise=0.3,
        alignment=0.3,
        t_max=3.0,
        tolerance=1e-4,
    )
    solve(problem).save(folder / "run.h5")
    for name, keys in {
        "ten": {"dim": 10, "fields": "gaussian"}, "twenty": {"dim": 20, "fields": "gaussian"}, "network": {"dim": 20},
    }.items():  # fmt: skip
        simulate(problem, seeds=12, times=10, **keys).save(folder / f"{name}.h5")
    solve(problem.replace(noise=0.6)).save(folder / "noisy.h5")
    return folder


def test_compare_prints_a_table_and_a_verdict(dmft, files):
    ended = dmft("compare", files / "run.h5", files / "twenty.h5")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].endswith("twenty.h5: gaussian in d = 20, 12 seeds")
    assert lines[1].split() == ["observable", "at", "t", "theory", "simulation", "z", "off", "by", "seen", "from"]
    assert {line.split()[0] for line in lines[2:10]} >= {"train_error", "test_error", "multiplier", "neuron_overlap"}
    assert any(line.endswith("comparisons at the family-wise level 0.01 (Holm)") for line in lines)
    assert lines[-1].startswith("not distinguishable with 12 seeds: ")
    assert "agree" not in lines[-1]
    assert max(map(len, lines[1:])) <= 80


def test_compare_extrapolates_over_dimensions(dmft, files):
    ended = dmft("compare", files / "run.h5", files / "ten.h5", files / "twenty.h5")
    assert ended.code == 0
    for part in ("d = 10, 12 seeds", "d = 20, 12 seeds", "limit 1/d -> 0 of d = 10, 20", "not distinguishable"):
        assert part in ended.out


@pytest.mark.parametrize(
    ("simulations", "advice"),
    [
        (["twenty"], "simulations in several dimensions tell"),
        (["network"], "--fields gaussian tells"),
        (["ten", "twenty"], "at t ="),
    ],
)
def test_disagreement_has_its_own_status(dmft, files, simulations, advice):
    paths = [files / f"{name}.h5" for name in simulations]
    ended = dmft("compare", files / "run.h5", *paths, "--threshold", 0.01)
    assert ended.code == 3
    assert "disagree: " in ended.out
    assert advice in ended.out.splitlines()[-1]


def test_compare_says_within_how_much_they_agree(dmft, files):
    ended = dmft("compare", files / "run.h5", files / "twenty.h5", "--within", 1e6)
    assert ended.code == 0
    assert re.fullmatch(r"agrees within [\d.e+]+%: every observable at every time", ended.out.splitlines()[-1])


def test_compare_refuses(dmft, files):
    for arguments, message in (
        (["run.h5", "run.h5"], "wanted a simulation file"),
        (["ten.h5", "ten.h5"], "wanted a run file"),
        (["noisy.h5", "ten.h5"], "simulates another problem: noise = 0.3 here, 0.6 wanted"),
        (["run.h5", "twenty.h5", "network.h5"], "another simulation than the first: fields"),
        (["run.h5", "none.h5"], "wanted a simulation file"),
        (["run.h5", "ten.h5", "--threshold", "0"], "wanted a number > 0"),
        (["run.h5", "ten.h5", "--level", "1.5"], "wanted a number between 0 and 1"),
        (["run.h5", "ten.h5", "--within", "-1"], "wanted a number > 0"),
    ):
        ended = dmft("compare", *(files / one if one.endswith(".h5") else one for one in arguments))
        assert ended.code == 2
        assert ended.err.count("\n") == 1
        assert message in ended.err


def test_show(dmft, files):
    ended = dmft("show", files / "ten.h5")
    assert ended.code == 0
    said = " ".join(ended.out.split())
    for part in ("fields gaussian", "samples 20", "seeds 12, from 0 to 11", "test_error", 'model = "two-layer-flow"'):
        assert part in said
    at = dmft("show", files / "ten.h5", "--at", "2.9")
    assert "at t = 3, nearest to 2.9: mean, +-" in at.out


def test_cite(dmft, files):
    flow = dmft("cite", files / "ten.h5").out
    for part in ("montanari2025dynamical", "@software{dmft", "sommeijer1998rkc"):
        assert part in flow
    assert "hairer1996solving" not in flow


@pytest.mark.slow
def test_plot_draws_theory_as_lines_and_simulations_as_points(dmft, files, tmp_path):
    ended = dmft("plot", files / "run.h5", files / "ten.h5", files / "twenty.h5", "-o", tmp_path / "both.png")
    assert ended.code == 0
    assert (tmp_path / "both.png").stat().st_size > 10_000
    simulations = [Simulation.load(files / f"{name}.h5") for name in ("ten", "twenty")]
    figure = solve(simulations[0].problem).plot(simulations=simulations)
    errors = figure.subfigs[0].axes[0]
    assert len(errors.containers) == 4
    points, _, (bars,) = errors.containers[0]
    time, means = points.get_data()
    assert list(means) == list(simulations[0].test_error[-len(time) :])
    heights = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    assert heights == pytest.approx(2 * simulations[0].standard_errors["test_error"][-len(time) :])
    drawn = " ".join(texts(figure))
    for part in ("12 samples of Gaussian fields in $d = 10$", "in $d = 20$", "solved to"):
        assert part in drawn


def test_plot_of_a_simulation_alone(dmft, files, tmp_path):
    assert dmft("plot", files / "network.h5", "-o", tmp_path / "alone.png", "--size", "4x3").code == 0
    drawn = " ".join(texts(Simulation.load(files / "network.h5").plot()))
    for part in ("12 networks in $d = 20$", "test error", "train error"):
        assert part in drawn


def test_plot_refuses_what_does_not_belong_together(dmft, files, tmp_path):
    ended = dmft("plot", files / "noisy.h5", files / "ten.h5", "-o", tmp_path / "fig.png")
    assert ended.code == 2
    assert "simulates another problem: noise" in ended.err
    assert not (tmp_path / "fig.png").exists()
