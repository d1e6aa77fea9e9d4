"""Choices of a reader about a figure: observables, axes, size and style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes

from dmft.plots.style import STYLES

Limits = tuple[float, float]
Scale = Literal["log", "linear"]
TIME = "time"


@dataclass(frozen=True)
class Look:
    """Choices about a figure; the defaults are those of the standard figure.

    observables: names of observables, one panel each; of a sweep, names of columns of its table too.
    x: `time`, or an observable that stands at the horizontal axis.
    x_scale, y_scale: `log` or `linear`, in place of what suits the data.
    x_limits, y_limits: first and last value of an axis.
    size: width and height in inches.
    style: `screen`, or `paper` for a column of a journal.

    Raises ValueError, one line, for a value that is none of these.
    """

    observables: Sequence[str] = ()
    x: str = TIME
    x_scale: Scale | None = None
    y_scale: Scale | None = None
    x_limits: Limits | None = None
    y_limits: Limits | None = None
    size: Limits | None = None
    style: str = "screen"

    def __post_init__(self) -> None:
        if isinstance(self.observables, str):
            raise ValueError(f"observables = {self.observables!r}: wanted a list of names")
        if self.style not in STYLES:
            raise ValueError(f"style = {self.style!r}: wanted one of {', '.join(STYLES)}")
        if self.size is not None and not min(self.size) > 0:
            raise ValueError(f"size = {self.size}: wanted a width and a height > 0")
        for scale in (self.x_scale, self.y_scale):
            if scale not in (None, "log", "linear"):
                raise ValueError(f"scale = {scale!r}: wanted log or linear")
        for name, limits, logarithmic in (
            ("x_limits", self.x_limits, self.x_scale == "log"),
            ("y_limits", self.y_limits, self.y_scale == "log"),
        ):
            if limits is not None and not (limits[0] < limits[1] and (limits[0] > 0 or not logarithmic)):
                wanted = "0 < first < last" if logarithmic else "first < last"
                raise ValueError(f"{name} = {limits[0]:g}, {limits[1]:g}: wanted {wanted}")

    @property
    def chosen(self) -> bool:
        """True if the reader asks for panels of their own choice."""
        return bool(self.observables) or self.x != TIME

    @property
    def rc(self) -> dict[Any, Any]:
        """Settings of matplotlib."""
        return STYLES[self.style].rc

    @property
    def headline(self) -> bool:
        """True if the figure carries a title; on paper the caption says what it shows."""
        return STYLES[self.style].headline

    def scaled(self, width: float, height: float, *, wide: bool = False) -> Limits:
        """The size asked for, or the natural one, (width, height), brought to the width of the column of the style."""
        if self.size is not None:
            return self.size
        column = STYLES[self.style].double if wide else STYLES[self.style].single
        return (width, height) if column is None else (column, height * column / width)

    def apply(self, axes: Axes) -> None:
        """Set the scales and limits asked for; those of axes that are not numbers stay."""
        if self.x_scale is not None:
            axes.set_xscale(self.x_scale)
        if self.y_scale is not None:
            axes.set_yscale(self.y_scale)
        if self.x_limits is not None:
            axes.set_xlim(self.x_limits)
        if self.y_limits is not None:
            axes.set_ylim(self.y_limits)
