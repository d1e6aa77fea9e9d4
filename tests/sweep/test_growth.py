"""A sweep that changes in its folder: only what is missing is solved, and what no longer belongs stays and is said."""

import os
import shutil
from types import SimpleNamespace

import pytest

from dmft import Problem, Sweep, load, sweep
from dmft.sweeps.folder import Folder, State, open_folder
from dmft.sweeps.growth import EARLIER, MOVING, Growth
from tests.problem_files import POINT, SWEEP
from tests.sweep_folders import assert_same_points, contents, solved


def written(folder):
    """Time of writing of every run file, by name."""
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}


def grown(dmft, quick, folder, text):
    """The command after the sweep file has changed."""
    quick.write_text(text)
    ended = dmft("sweep", quick, "-o", folder)
    assert ended.code == 0, ended.err
    return ended


def test_more_values_on_an_axis(dmft, quick, swept, tmp_path):
    before, text = written(swept), SWEEP.replace("[0.5, 1.0]", "[0.5, 2.0, 1.0]")
    assert text != SWEEP
    ended = grown(dmft, quick, swept, text)
    after = written(swept)
    assert {name: after[name] for name in before} == before
    assert f"{len(before)} points of the earlier sweep are kept\n" in ended.err
    (tmp_path / "fresh").mkdir()
    assert_same_points(contents(swept), solved(text, tmp_path / "fresh"))
    assert "complete already" in dmft("sweep", quick, "-o", swept).out


DIGITS = SWEEP.replace("[0.5, 1.0]", "[0.5, 0.333333]")
MORE_DIGITS = SWEEP.replace("[0.5, 1.0]", "[0.5, 0.333333, 0.33331]")


def test_values_with_more_digits_keep_their_runs(dmft, quick, tmp_path):
    """Names show as many digits as tell the values apart: the same point may get another name."""
    text, begun = MORE_DIGITS, tmp_path / "out"
    grown(dmft, quick, begun, DIGITS)
    before = written(begun)
    ended = grown(dmft, quick, begun, text)
    number = len(before)
    assert len(before.keys() & written(begun).keys()) == number // 2
    assert sorted(written(begun).values())[:number] == sorted(before.values())
    assert f"{number} points of the earlier sweep are kept" in ended.err
    (tmp_path / "fresh").mkdir()
    assert_same_points(contents(begun), solved(text, tmp_path / "fresh"))


def test_another_axis_with_the_old_value_among_its_own(dmft, quick, swept):
    number, times = len(written(swept)), set(written(swept).values())
    ended = grown(dmft, quick, swept, SWEEP + '"problem.noise" = [0.1, 0.3]\n')
    assert len(written(swept)) == 2 * number
    assert times < set(written(swept).values())
    assert f"{number} points of the earlier sweep are kept" in ended.err


def test_what_no_longer_belongs_stays_and_comes_back(dmft, quick, swept):
    before = written(swept)
    ended = grown(dmft, quick, swept, SWEEP.replace("[0.5, 1.0]", "[0.5, 2.0]"))
    assert before.items() < written(swept).items()
    assert f"{len(before) // 2} files do not belong to it, and stay" in ended.err
    grown(dmft, quick, swept, SWEEP)
    assert (Folder.load(swept).states() == State.DONE).all()
    assert before.items() < written(swept).items()


@pytest.mark.parametrize("keep", ["kernels", "observables"])
def test_a_larger_t_max_goes_on_where_the_state_is_kept(tmp_path, keep):
    problem = Problem.from_toml(POINT).replace(t_max=5.0, tolerance=1e-3)
    axes = {"problem.width": [4, 8]}
    sweep(Sweep(problem, axes, keep=keep), tmp_path / "out")
    before = written(tmp_path / "out" / "points")
    table = sweep(Sweep(problem.replace(t_max=10.0), axes, keep=keep), tmp_path / "out")
    assert (table["time_reached"] == 10.0).all()
    fresh = sweep(Sweep(problem.replace(t_max=10.0), axes, keep=keep), tmp_path / "fresh")
    assert table["final_test_error"] == pytest.approx(fresh["final_test_error"], rel=1e-2)
    stayed = written(tmp_path / "out" / EARLIER) if (tmp_path / "out" / EARLIER).exists() else {}
    if keep == "kernels":
        # Extended: the node at the former end is there.
        assert (table.curves["time"] == 5.0).any(axis=-1).all()
        assert stayed == {}
    else:
        assert not (table.curves["time"] == 5.0).any()
        assert stayed == before


EXACT = {"theory": "exact", "scheme": "gradient-descent", "learning_rate": 0.5, "samples": 64, "replicates": 2, "t_max": 3.0}


@pytest.mark.parametrize("keep", ["kernels", pytest.param("observables", marks=pytest.mark.slow)])
def test_another_output_is_made_of_the_states_that_are_kept(tmp_path, keep):
    """Runs that hold their state are not solved again; those that do not are, and make way."""
    problem = Problem(width=2, samples_per_parameter=1.0, activation="tanh", target="none", noise=0.5, **EXACT)
    axes = {"problem.noise": [0.5, 1.0]}
    sweep(Sweep(problem, axes, keep=keep), tmp_path / "out")
    asked = Sweep(problem.replace(distributions=[0.5, 1.5]), axes, keep=keep)
    with open_folder(tmp_path / "out", asked) as (folder, *_):
        assert folder.growth == (Growth(0, 2, 0) if keep == "kernels" else Growth(0, 0, 2))
    sweep(asked, tmp_path / "out")
    sweep(asked, tmp_path / "fresh")
    for file in sorted((tmp_path / "fresh" / "points").glob("*.h5")):
        assert load(tmp_path / "out" / "points" / file.name) == load(file)


def test_files_whose_names_are_taken_move_aside(tmp_path):
    problem = Problem.from_toml(POINT).replace(t_max=2.0, tolerance=1e-3)
    sweep(Sweep(problem, {"problem.noise": [0.1234, 0.5]}), tmp_path)
    table = sweep(Sweep(problem, {"problem.noise": [0.1231, 0.5]}), tmp_path)
    assert [path.name for path in (tmp_path / EARLIER).iterdir()] == ["noise=0.123.h5"]
    found = Folder.load(tmp_path)
    assert found.sweep == table.sweep
    alone = sweep(Sweep(problem, {"problem.noise": [0.1231]}), tmp_path / "alone")
    assert table["final_test_error"][0] == alone["final_test_error"][0]


def test_a_sweep_without_a_common_point_is_refused(dmft, quick, swept):
    before = written(swept)
    quick.write_text(SWEEP.replace("noise = 0.3", "noise = 0.4"))
    ended = dmft("sweep", quick, "-o", swept)
    assert ended.code == 2
    assert ended.err == f"dmft: {swept}: holds another sweep: problem.noise = 0.3 there, 0.4 wanted\n"
    assert written(swept) == before


def test_a_change_that_was_cut_off_is_finished(quick, dmft, tmp_path, monkeypatch):
    begun = tmp_path / "out"
    grown(dmft, quick, begun, DIGITS)
    before, moved = written(begun), []

    def cut_off(source, target):
        if len(moved) == 4:
            raise KeyboardInterrupt
        moved.append(shutil.move(source, target))

    with monkeypatch.context() as patch:
        patch.setattr("dmft.sweeps.growth.os", SimpleNamespace(replace=cut_off, getpid=os.getpid))
        with pytest.raises(KeyboardInterrupt):
            sweep(Sweep.from_toml(MORE_DIGITS), begun)
    assert (begun / MOVING).exists()
    grown(dmft, quick, begun, MORE_DIGITS)
    assert set(before.values()) < set(written(begun).values())
    assert (Folder.load(begun).states() == State.DONE).all()
    assert not (begun / MOVING).exists()


def test_a_sweep_file_of_a_person_is_kept(dmft, quick, swept):
    (swept / "sweep.toml").write_text(f"# mine\n{SWEEP}")
    grown(dmft, quick, swept, SWEEP.replace("[0.5, 1.0]", "[0.5, 1.0, 2.0]"))
    assert (swept / EARLIER / "sweep.toml").read_text() == f"# mine\n{SWEEP}"
    assert len(Folder.load(swept).sweep) == 9


def test_growth_in_words():
    assert str(Growth(3, 0, 0)) == "the sweep has changed: 3 points of the earlier sweep are kept"
    assert str(Growth(3, 2, 1)).endswith(
        "kept, 2 go on, to a larger t_max or another [output], 1 files do not belong to it, and stay"
    )
