"""The page: a control for each key that the theory names, figures that follow, buttons to pin and to save."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import panel as pn

from dmft.explore.explorer import Explorer, options
from dmft.explore.figures import View, curve_figures, kernel_choices, kernel_figure
from dmft.problem import registry
from dmft.problem.description import Control, Slider
from dmft.results.solution import Solution

WIDTH = 300


class Page:
    """One open page; `layout` is what the browser shows."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self.waiting = False
        self.curves, self.kernel = pn.Column(), pn.Column()
        self.message = pn.pane.Markdown("", width=WIDTH)
        self.controls = pn.Column(width=WIDTH)
        self.theory = pn.widgets.Select(
            name="theory", options=registry.names(), value=explorer.problem.parameters.model, width=WIDTH
        )
        self.log_time = pn.widgets.Checkbox(name="logarithmic time", value=True)
        self.log_values = pn.widgets.Checkbox(name="logarithmic values", value=False)
        self.shown_kernel = pn.widgets.Select(name="kernel", options=[], width=WIDTH)
        pin = pn.widgets.Button(name="Pin this curve", width=140)
        unpin = pn.widgets.Button(name="Forget pins", width=140)
        pin.on_click(lambda _: self._then(explorer.pin))
        unpin.on_click(lambda _: self._then(explorer.unpin))
        self.theory.param.watch(lambda _: self._other_theory(), "value")
        for widget in (self.log_time, self.log_values, self.shown_kernel):
            widget.param.watch(lambda _: self.later(), "value")
        saved = [self._download(*of) for of in (("toml", self._toml), ("h5", self._hdf5), ("png", self._png))]
        side = pn.Column(
            "## dmft explore", self.theory, self.controls, pn.Row(self.log_time, self.log_values), self.shown_kernel,
            pn.Row(pin, unpin), pn.Row(*saved), self.message, width=WIDTH + 20,
        )  # fmt: skip
        self.layout = pn.Row(side, self.curves, self.kernel)
        self._fill_controls()
        self.update()

    def later(self) -> None:
        """Solve and draw once all changes that have arrived by then are made: a drag sends many."""
        if not self.waiting and pn.state.curdoc is not None:
            self.waiting = True
            pn.state.curdoc.add_next_tick_callback(self.update)
        elif not self.waiting:
            self.update()

    def update(self) -> None:
        """Solve and draw."""
        self.waiting = False
        answer = self.explorer.answer()
        self.message.object = answer.message
        if answer.solution is not None:
            self._draw(answer.solution)

    def _draw(self, solution: Solution) -> None:
        view = View(self.log_time.value, self.log_values.value)
        self.curves.objects = [pn.pane.Bokeh(own) for own in curve_figures(solution, self.explorer.pinned, view)]
        choices = kernel_choices(solution)
        names = list(choices)
        if self.shown_kernel.options != names:
            self.shown_kernel.param.update(options=names, value=names[0] if names else None)
        self.shown_kernel.visible = bool(names)
        self.kernel.objects = [pn.pane.Bokeh(kernel_figure(solution, *choices[self.shown_kernel.value]))] if names else []

    def _fill_controls(self) -> None:
        """A widget for each control of the theory."""
        description = self.explorer.problem.parameters.description
        self.controls.objects = [self._widget(control) for control in description.controls]

    def _widget(self, control: Control) -> Any:
        current = self.explorer.value(control.key)
        offered = options(control, current)
        value = current if current in offered else offered[0]
        if isinstance(control, Slider):
            widget = pn.widgets.DiscreteSlider(name=control.label, options=offered, value=value, width=WIDTH)
        else:
            shown = {str(option): option for option in offered}
            widget = pn.widgets.Select(name=control.label, options=shown, value=value, width=WIDTH)
        widget.param.watch(lambda event: self._then(lambda: self.explorer.set(control.key, event.new)), "value")
        return widget

    def _then(self, change: Callable[[], None]) -> None:
        change()
        self.later()

    def _other_theory(self) -> None:
        """Begin again with the example of another theory."""
        self.explorer.begin(registry.load(str(self.theory.value)).description.example)
        self._fill_controls()
        self.later()

    @staticmethod
    def _download(suffix: str, made: Callable[[], Any]) -> Any:
        return pn.widgets.FileDownload(
            callback=made, filename=f"explored.{suffix}", label=suffix.upper(), button_type="default", width=90, auto=True
        )

    def _toml(self) -> StringIO:
        return StringIO(self.explorer.problem.to_toml())

    def _hdf5(self) -> BytesIO:
        return self._file("explored.h5", lambda solution, path: solution.save(path))

    def _png(self) -> BytesIO:
        return self._file("explored.png", lambda solution, path: solution.plot(path))

    def _file(self, name: str, write: Callable[[Solution, Path], Any]) -> BytesIO:
        """Contents of a file of the solution."""
        solution = self.explorer.answer().solution
        if solution is None:
            return BytesIO()
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(solution, path)
            return BytesIO(path.read_bytes())
