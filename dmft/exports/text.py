"""Results as text: CSV of their columns, and JSON of all of them in the layout of `xarray.Dataset.from_dict`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dmft.exports.columns import columns
from dmft.exports.labelled import Arrays, labelled
from dmft.problem.table import ProblemError
from dmft.results.simulation import Simulation
from dmft.results.solution import Solution
from dmft.results.table import Table
from dmft.storage.atomic import write_whole

AnyResult = Solution | Simulation | Table


def export(result: AnyResult, path: str | Path) -> None:
    """Write a result to a file whose name ends in .csv or .json; it appears complete or not at all.

    Raises ProblemError for another ending.
    """
    write_whole(Path(path), form_of(path)(result).encode())


def form_of(path: str | Path) -> Callable[[AnyResult], str]:
    """The function that makes the text of a file, by the ending of its name.  ProblemError if there is none."""
    ending = Path(path).suffix.lower()
    if ending not in FORMS:
        raise ProblemError(f"{ending or 'no ending'}: wanted a name that ends in {' or '.join(FORMS)}")
    return FORMS[ending]


def to_csv(result: AnyResult) -> str:
    """A row for each time or point, with names in the first line; all digits of every number."""
    found = columns(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found)
    writer.writerows(zip(*(values.tolist() for values in found.values()), strict=True))
    return text.getvalue()


def to_json(result: AnyResult) -> str:
    """Everything, kernels included, with dimensions, units and meanings; null for what is not a finite number."""
    found = labelled(result)
    lengths: dict[str, int] = {}
    for entry, values in {**found.coordinates, **found.variables}.values():
        lengths |= dict(zip(entry.dimensions, values.shape, strict=True))
    layout = {
        "attrs": found.attributes,
        "dims": lengths,
        "coords": _arrays(found.coordinates),
        "data_vars": _arrays(found.variables),
    }
    return json_text(layout)


def json_text(value: Any) -> str:
    """JSON that every program reads: null for what is not a finite number."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """A value made of dictionaries, lists, texts and finite numbers."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _arrays(arrays: Arrays) -> dict[str, Any]:
    return {
        name: {
            "dims": entry.dimensions,
            "attrs": {"units": entry.units, "meaning": entry.meaning} if entry.units else {},
            "data": values,
        }
        for name, (entry, values) in arrays.items()
    }


FORMS: dict[str, Callable[[AnyResult], str]] = {".csv": to_csv, ".json": to_json}
