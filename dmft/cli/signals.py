"""Stop on request: a signal is remembered, and the run ends after the cell that it came in."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmft.engines.base import AcceptedCell, Engine

# A batch system announces the end of a job by SIGTERM or SIGUSR1, a person asks by SIGINT.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopOnSignal:
    """A context in which signals only set `received`, and an observer that ends the run once one has come.

    A signal before the first cell is kept until that is accepted; one after the last cell changes nothing.
    """

    def __init__(self) -> None:
        self.received = ""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopOnSignal:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._remember)
            # System calls go on after the handler: HDF5 need not know of signals while it writes a checkpoint.
            signal.siginterrupt(number, False)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _frame: object) -> None:
        self.received = signal.Signals(number).name

    def __call__(self, march: Engine, cell: AcceptedCell) -> None:
        """Observer of `dmft.running.solve.solve`."""
        from dmft.running.solve import StopRun

        if self.received:
            raise StopRun
