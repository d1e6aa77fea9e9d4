"""Sets of samples on the ranks of MPI."""

import pytest

from tests.comparison import assert_same, datasets
from tests.processes import on_ranks, start

from .test_solve import problem


@pytest.mark.slow
def test_two_ranks_make_the_numbers_of_one_process(tmp_path):
    """To the last bit, with sets of different sizes; more samples are added on ranks as well."""
    file, files = tmp_path / "problem.toml", [tmp_path / "alone.h5", tmp_path / "ranks.h5"]
    for keys in ({"samples": 1100}, {"samples": 2200, "momentum": 0.0}):
        file.write_text(problem(replicates=2, batch=0.5, **keys).to_toml())
        for begin, output in zip((start, on_ranks), files, strict=True):
            process = begin("solve", file, "-o", output, "--quiet")
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, (out, err)
        assert_same(*map(datasets, files))
