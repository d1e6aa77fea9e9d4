"""Stop on request: a signal is remembered, and the work ends after the step that it came in."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmft.engines.base import AcceptedCell, Engine

# A batch system announces the end of a job by SIGTERM, SIGUSR1, SIGUSR2 or SIGXCPU; a person asks by SIGINT; a terminal or
# connection that closes sends SIGHUP.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


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

    def requested(self) -> bool:
        """True once a signal has come."""
        return bool(self.received)

    def __call__(self, march: Engine, cell: AcceptedCell) -> None:
        """Observer of `dmft.running.solve.solve`."""
        from dmft.running.solve import StopRun

        if self.received:
            raise StopRun
