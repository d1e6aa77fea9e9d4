"""dmft export: CSV and JSON of any file."""

import csv
import json

import pytest

from dmft import Solution


def test_export_writes_what_is_in_the_file(dmft, solved, tmp_path):
    solution = Solution.load(solved)
    for ending in ("csv", "json"):
        ended = dmft("export", solved, "-o", tmp_path / f"run.{ending}")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    with open(tmp_path / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["test_error"]) for row in rows] == solution.test_error.tolist()
    found = json.loads((tmp_path / "run.json").read_text())
    assert found["data_vars"]["C_d"]["data"] == solution.kernels["C_d"].tolist()
    assert found["data_vars"]["test_error"]["attrs"]["meaning"].startswith("mean loss")


@pytest.mark.parametrize(
    ("name", "said"), [("run.txt", "wanted a name that ends in .csv or .json"), ("no/run.csv", "wanted a file in an existing")]
)
def test_export_refuses_a_place_in_one_line(dmft, solved, tmp_path, name, said):
    ended = dmft("export", solved, "-o", tmp_path / name)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
