"""The standard figure of a sweep: results over one axis as curves, over two as pictures, over a third as rows of pictures.

Of the axes longer than one, the last is vertical, the one before it horizontal, and one more before that the rows.  A point
that failed is a cross, one that is missing is left blank.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dmft.plots.standard import ALARM, STYLE, save
from dmft.problem.description import Description
from dmft.results.entries import quantity_of
from dmft.results.table import MISSING, Table

Array = NDArray[Any]

# More rows of pictures than this cannot be read.
ROWS = 6
# A result of one sign that spans this factor is drawn on a logarithmic scale, over at most so many decades.
WIDE, DECADES = 30.0, 6
# A negative result that is smaller than this, relative to the largest one, is a rounding error.
NEGATIVE_ROUNDING = 1e-6
COLOURS = "cividis"
# A logarithmic axis of few values has a tick at each: those of its own crowd over less than a decade.
TICKS = 5


def figure(table: Table, path: str | Path | None = None) -> Figure:
    """Draw a table; save it too if a path is given, in the format that its suffix names (png, pdf or svg).

    Raises ValueError if it has more than three axes longer than one, or too many rows of pictures.
    """
    axes = {name: values for name, values in table.axes.items() if len(values) > 1}
    if not axes:
        axes = dict(list(table.axes.items())[-1:])
    rows = next(iter(axes.values())) if len(axes) == 3 else [None]
    if len(axes) > 3 or len(rows) > ROWS:
        shape = " x ".join(f"{len(values)} {name}" for name, values in axes.items())
        raise ValueError(f"{shape}: wanted at most two axes, and a third one of at most {ROWS} values")
    names = {name: label for name, label in _results(table.description, table).items() if _is_there(table, name)}
    columns = max(len(names), 1)
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(3.2 * columns, 2.9 * len(rows) + 0.6), layout="constrained")
        drawn.suptitle(_title(table), fontsize=10)
        panels = drawn.subplots(len(rows), columns, squeeze=False)
        for row, line in enumerate(panels):
            for (name, label), panel in zip(names.items(), line, strict=False):
                shape = tuple(len(values) for values in axes.values())
                values, failed = (array.reshape(shape) for array in (table[name], _failed(table)))
                if len(axes) == 3:
                    values, failed = values[row], failed[row]
                _draw(panel, dict(list(axes.items())[-2:]), values, failed)
                where = f", {next(iter(axes)).replace('_', ' ')} = {_text(rows[row])}" if len(axes) == 3 else ""
                panel.set_title(label + where, fontsize=9)
        if path is not None:
            save(drawn, Path(path))
    return drawn


def _results(description: Description, table: Table) -> dict[str, str]:
    """Columns of a table that are drawn, and their names on the figure."""
    labels = {name: quantity.label for name, quantity in description.observables.items()}
    found = {}
    for name in table.values:
        quantity = quantity_of(name.removeprefix("final_"))
        if name.startswith("final_") and quantity in description.swept:
            found[name] = f"final {labels[quantity]}{name.removeprefix('final_' + quantity)}"
    if (name := description.smallest) is not None:
        found[f"smallest_{name}"] = f"smallest {labels[name]}"
        found[f"time_of_smallest_{name}"] = f"time of smallest {labels[name]}"
        found["overfitting_time"] = "overfitting time"
    return found


def _is_there(table: Table, name: str) -> bool:
    return name in table.values and bool(np.isfinite(table[name]).any())


def _draw(panel: Axes, axes: dict[str, NDArray[Any]], values: Array, failed: NDArray[np.bool_]) -> None:
    if len(axes) == 1:
        ((name, along),) = axes.items()
        place, _ = _places(along)
        panel.plot(place, values, "o-", markersize=3)
        for x in place[failed]:
            panel.axvline(x, color=ALARM, linestyle=":", linewidth=0.8)
        if isinstance(norm := _norm(values), LogNorm):
            panel.set(yscale="log", ylim=(norm.vmin, None))
        _label(panel, "x", name, along)
        return
    (across, x), (up, y) = axes.items()
    (x_place, x_edges), (y_place, y_edges) = _places(x), _places(y)
    mesh = panel.pcolormesh(x_edges, y_edges, values.T, norm=_norm(values), cmap=COLOURS, rasterized=True)
    places = np.argwhere(failed)
    panel.plot(x_place[places[:, 0]], y_place[places[:, 1]], "x", color=ALARM, markersize=4)
    _label(panel, "x", across, x)
    _label(panel, "y", up, y)
    drawn = panel.get_figure()
    assert drawn is not None
    drawn.colorbar(mesh, ax=panel)


def _failed(table: Table) -> NDArray[np.bool_]:
    return (table["reason"] != "") & (table["outcome"] != MISSING)


def _places(values: NDArray[Any]) -> tuple[Array, Array]:
    """Where the values of an axis are, and the edges between them: a finite number where it is, all else at 0, 1, ..."""
    if not _is_numeric(values):
        return np.arange(len(values), dtype=float), np.arange(len(values) + 1) - 0.5
    numbers = values.astype(float)
    if len(values) == 1:
        return numbers, np.array([numbers[0] - 0.5, numbers[0] + 0.5])
    scale, back = (np.log, np.exp) if _is_geometric(numbers) else (np.asarray, np.asarray)
    place = scale(numbers)
    middle = (place[1:] + place[:-1]) / 2
    return numbers, back(np.concatenate([[2 * place[0] - middle[0]], middle, [2 * place[-1] - middle[-1]]]))


def _is_numeric(values: NDArray[Any]) -> bool:
    """True for an axis of finite numbers in order, which can be drawn to scale."""
    if values.dtype == object or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _is_geometric(values: Array) -> bool:
    """True if the ratios of neighbours on an axis differ less than their differences do."""
    if len(values) < 3 or values.min() <= 0:
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(np.std(ratios) / abs(np.mean(ratios)) < np.std(steps) / abs(np.mean(steps)))


def _norm(values: Array) -> Normalize:
    """Linear, or logarithmic for results of one sign over decades; a train error of zero may be negative by rounding."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Normalize(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if high > 0 and low > -NEGATIVE_ROUNDING * high and low < high / WIDE:
        return LogNorm(max(low, high * 10.0**-DECADES), high, clip=True)
    return Normalize(low, high)


def _label(panel: Axes, which: str, name: str, values: NDArray[Any]) -> None:
    getattr(panel, f"set_{which}label")(name.replace("_", " "))
    if not _is_numeric(values):
        getattr(panel, f"set_{which}ticks")(np.arange(len(values)), [_text(value) for value in values])
    elif _is_geometric(values.astype(float)):
        getattr(panel, f"set_{which}scale")("log")
        if len(values) <= TICKS:
            getattr(panel, f"set_{which}ticks")(values, [_text(value) for value in values])
            getattr(panel, f"set_{which}ticks")([], minor=True)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else f"{value:.3g}"
    return text if len(text) <= 16 else text[:13] + "..."


def _title(table: Table) -> str:
    """Number of points, and of each outcome."""
    single = [f"{name} = {_text(values[0])}" for name, values in table.axes.items() if len(values) == 1]
    return ",  ".join([f"{len(table.sweep)} points: {table.endings}", *single])
