"""The figure of a sweep: results over one axis as curves, over two as pictures, over a third as rows of pictures.

Of the axes longer than one, the last is vertical, the one before it horizontal, and one more before that the rows.  A point
that failed is a cross, one that is missing is hatched, and where a point has no such result (a time that was not reached) the
picture is grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from dmft.plots import entries, labels
from dmft.plots.headline import put_headline
from dmft.plots.labels import ALARM
from dmft.plots.look import TIME, Look
from dmft.plots.style import TICKS
from dmft.problem.description import Description
from dmft.results.entries import fields, quantity_of
from dmft.results.table import MISSING, Table

Array = NDArray[Any]
Mask = NDArray[np.bool_]

# More rows of pictures than this cannot be read.
ROWS = 6
# Panels in a row, where there is no third axis.
IN_A_ROW = 3
# A result of one sign that spans this factor is drawn on a logarithmic scale, over at most so many decades.
WIDE, DECADES = 30.0, 6
# Two values on an axis are logarithmic beyond this ratio.
FAR = 3.0
# A negative result that is smaller than this, relative to the largest one, is a rounding error.
NEGATIVE_ROUNDING = 1e-6
COLOURS = "cividis"
# Pictures: a result that was not reached, and the hatches of a missing point.
NOT_REACHED, HATCHES = "0.85", "////"
# A logarithmic axis of few values has a tick at each: those of its own crowd over less than a decade.
TICKED = 5


@dataclass(frozen=True)
class Points:
    """One result over the axes of a panel, and the points that failed and that are missing."""

    values: Array
    failed: Mask
    missing: Mask

    @property
    def not_reached(self) -> Mask:
        """Points that ended well without such a result."""
        return ~np.isfinite(self.values) & ~self.failed & ~self.missing


def figure(table: Table, look: Look) -> Figure:
    """Draw a table.

    Raises ValueError if it has more than three axes longer than one, or too many rows of pictures, or lacks a column asked for.
    """
    if look.x != TIME:
        raise ValueError(f"x = {look.x!r}: a sweep is drawn over its axes")
    axes = _axes(table)
    names = _columns(table, look)
    rows = list(next(iter(axes.values()))) if len(axes) == 3 else [None]
    shape = (len(rows), max(len(names), 1)) if len(axes) == 3 else _grid(len(names))
    with matplotlib.rc_context(look.rc):
        size = look.scaled(3.2 * shape[1], 2.9 * shape[0] + 0.8, wide=shape[1] > 1)
        drawn = Figure(figsize=size, layout="constrained")
        panels = list(drawn.subplots(*shape, squeeze=False).flat)
        told = list(product(rows, names))
        for panel in panels[len(told) :]:
            panel.remove()
        signs: dict[object, Artist] = {}
        for panel, (row, name) in zip(panels, told, strict=False):
            signs |= {sign.get_label(): sign for sign in _panel(panel, table, axes, name, names[name], row, look)}
        if look.headline:
            put_headline(drawn, _title(table), "medium")
        if signs:
            drawn.legend(handles=list(signs.values()), loc="outside lower center", ncols=len(signs), fontsize="small")
    return drawn


def _axes(table: Table) -> dict[str, NDArray[Any]]:
    """The axes longer than one, or the last axis.  ValueError if a figure has no room for them."""
    axes = {name: values for name, values in table.axes.items() if len(values) > 1}
    if not axes:
        axes = dict(list(table.axes.items())[-1:])
    if len(axes) > 3 or (len(axes) == 3 and len(next(iter(axes.values()))) > ROWS):
        shape = " x ".join(f"{len(values)} {name}" for name, values in axes.items())
        raise ValueError(f"{shape}: wanted at most two axes, and a third one of at most {ROWS} values")
    return axes


def _grid(count: int) -> tuple[int, int]:
    """Rows and columns of panels."""
    columns = min(max(count, 1), IN_A_ROW)
    return max(ceil(count / columns), 1), columns


def _columns(table: Table, look: Look) -> dict[str, str]:
    """Columns of the table that are drawn, and their names on the figure."""
    if not look.observables:
        return {name: label for name, label in _results(table).items() if _is_there(table, name)}
    found = {}
    for asked in look.observables:
        known = [name for name in (asked, f"final_{asked}") if name in table.values and table[name].dtype.kind in "fi"]
        if not known:
            numeric = sorted(name for name, values in table.values.items() if values.dtype.kind in "fi")
            raise ValueError(f"observable {asked!r}: wanted some of {', '.join(numeric)}")
        found[known[0]] = _name(table, known[0])
    return found


def _results(table: Table) -> dict[str, str]:
    """Columns of the standard figure, and their names on it."""
    found = [
        name
        for name in table.values
        if name.startswith("final_") and quantity_of(name.removeprefix("final_")) in table.description.swept
    ]
    if (name := table.description.smallest) is not None:
        found += [f"smallest_{name}", f"time_of_smallest_{name}", "overfitting_time"]
    return {name: _name(table, name) for name in found}


def _name(table: Table, column: str) -> str:
    """A column of the table as it is called on the figure."""
    known = fields(table.problem)
    for start in ("final_", "time_of_smallest_", "smallest_"):
        quantity = quantity_of(entry := column.removeprefix(start))
        if column.startswith(start) and quantity in table.description.observables:
            field = known[quantity]
            where = next((entries.where(field, index) for index in field.indices() if field.label(index) == entry), "")
            name = f"{labels.words(start)}{table.description.observables[quantity].label}"
            return f"{name}, {where}" if where else name
    return labels.words(column)


def _is_there(table: Table, name: str) -> bool:
    return name in table.values and bool(np.isfinite(table[name]).any())


def _panel(
    panel: Axes, table: Table, axes: dict[str, NDArray[Any]], name: str, label: str, row: Any, look: Look
) -> list[Artist]:
    """One result, at one value of a third axis if there is one; returns what a legend has to explain."""
    shape = tuple(len(values) for values in axes.values())
    parts = [array.reshape(shape) for array in (table[name], _failed(table), table["outcome"] == MISSING)]
    title = label
    if row is not None:
        third, values = next(iter(axes.items()))
        parts = [part[list(values).index(row)] for part in parts]
        title = f"{label}, {labels.setting(table.description, third, _native(row))}"
    panel.set_title(title, fontsize="medium", wrap=True)
    points, shown = Points(*parts), dict(list(axes.items())[-2:])
    signs = _curve(panel, table, shown, points) if len(shown) == 1 else _picture(panel, table, shown, points)
    look.apply(panel)
    return signs


def _curve(panel: Axes, table: Table, axes: dict[str, NDArray[Any]], points: Points) -> list[Artist]:
    ((name, along),) = axes.items()
    place, _ = _places(along)
    panel.plot(place, points.values, "o-", markersize=3, linewidth=1.2)
    signs: list[Artist] = []
    holes: tuple[tuple[Mask, str, Literal[":", "--", "-"], str], ...] = (
        (points.failed, ALARM, ":", "failed"),
        (points.missing, "0.5", "--", "missing"),
        (points.not_reached, "0.75", "-", "not reached"),
    )
    for which, colour, line, label in holes:
        for x in place[which]:
            panel.axvline(x, color=colour, linestyle=line, linewidth=0.8, zorder=0)
        if which.any():
            signs.append(Line2D([], [], color=colour, linestyle=line, linewidth=0.8, label=label))
    if isinstance(norm := _norm(points.values), LogNorm):
        panel.set(yscale="log", ylim=(norm.vmin, None))
    panel.tick_params(**TICKS)
    _label(panel, "x", table.description, name, along)
    return signs


def _picture(panel: Axes, table: Table, axes: dict[str, NDArray[Any]], points: Points) -> list[Artist]:
    (across, x), (up, y) = axes.items()
    (x_place, x_edges), (y_place, y_edges) = _places(x), _places(y)
    panel.set_facecolor(NOT_REACHED)
    mesh = panel.pcolormesh(x_edges, y_edges, points.values.T, norm=_norm(points.values), cmap=COLOURS, rasterized=True)
    signs: list[Artist] = []
    if points.missing.any():
        hatched = np.ma.masked_where(~points.missing.T, np.zeros_like(points.values.T, dtype=float))
        panel.pcolor(x_edges, y_edges, hatched, hatch=HATCHES, cmap="binary", vmin=0, vmax=1, edgecolor="0.6", linewidth=0)
        signs.append(Patch(facecolor="white", edgecolor="0.6", hatch=HATCHES, label="missing"))
    if points.not_reached.any():
        signs.append(Patch(facecolor=NOT_REACHED, label="not reached"))
    if points.failed.any():
        at = np.argwhere(points.failed)
        signs += panel.plot(x_place[at[:, 0]], y_place[at[:, 1]], "x", color=ALARM, markersize=4, label="failed")
    _label(panel, "x", table.description, across, x)
    _label(panel, "y", table.description, up, y)
    drawn = panel.get_figure()
    assert drawn is not None
    drawn.colorbar(mesh, ax=panel, extend="min" if isinstance(mesh.norm, LogNorm) and mesh.norm.clip else "neither")
    return signs


def _failed(table: Table) -> Mask:
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
    if len(values) < 2 or values.min() <= 0:
        return False
    if len(values) == 2:
        return bool(values.max() > FAR * values.min())
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(np.std(ratios) / abs(np.mean(ratios)) < np.std(steps) / abs(np.mean(steps)))


def _norm(values: Array) -> Normalize:
    """Linear, or logarithmic for results of one sign over decades; a train error of zero may be negative by rounding."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Normalize(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if high > 0 and low > -NEGATIVE_ROUNDING * high and low < high / WIDE:
        deepest = high * 10.0**-DECADES
        return LogNorm(max(low, deepest), high, clip=low < deepest)
    return Normalize(low, high)


def _label(panel: Axes, which: str, description: Description, name: str, values: NDArray[Any]) -> None:
    """The symbol of a key, after its name in words where these differ; ticks at texts and at few values."""
    sign, said = labels.symbol(description, name), labels.words(name)
    getattr(panel, f"set_{which}label")(said if sign == said else f"{said}  {sign}")
    if not _is_numeric(values):
        getattr(panel, f"set_{which}ticks")(np.arange(len(values)), [_text(value) for value in values])
    elif _is_geometric(values.astype(float)):
        getattr(panel, f"set_{which}scale")("log")
        if len(values) <= TICKED:
            getattr(panel, f"set_{which}ticks")(values, [_text(value) for value in values])
            getattr(panel, f"set_{which}ticks")([], minor=True)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else f"{value:.3g}"
    return text if len(text) <= 16 else text[:13] + "..."


def _native(value: Any) -> Any:
    """A number of Python in place of one of NumPy."""
    return value.item() if isinstance(value, np.generic) else value


def _title(table: Table) -> str:
    """The parameters that are held fixed, the number of points, and of each outcome."""
    varied = {key.split(".")[1] for axis in table.sweep.axes for key in axis.keys if len(axis) > 1}
    return f"{labels.title(table.problem, without=varied)}\n{len(table.sweep)} points: {table.endings}"
