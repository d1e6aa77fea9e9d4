"""Signals that ask for a stop: at once while nothing can be lost, after the step at hand while something is computed."""

from __future__ import annotations

import signal

# `typing` takes milliseconds in which a signal would find no handler.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dmft.engines.base import AcceptedCell, Engine

# A batch system announces the end of a job by SIGTERM, SIGUSR1, SIGUSR2 or SIGXCPU; a person asks by SIGINT; a terminal or a
# connection that closes sends SIGHUP.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Stopped(BaseException):
    """A signal that came while nothing could be lost; its text is the name of the signal."""


class StopOnSignal:
    """A context in which a signal sets `received`, and an observer that ends a run once one has come.

    Until `defer` is called a signal also raises Stopped at once.  Afterwards it only sets `received`: a checkpoint is written
    whole, however many signals come.

    Signals that are ignored from the start stay so, as `nohup` wants.
    """

    def __init__(self) -> None:
        self.received = ""
        self._deferred = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopOnSignal:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
                # System calls go on after the handler: HDF5 need not know of signals while it writes a checkpoint.
                signal.siginterrupt(number, False)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: object) -> None:
        first = not self.received
        self.received = signal.Signals(number).name
        if first and not self._deferred:
            raise Stopped(self.received)

    def defer(self) -> None:
        """From now on only remember signals."""
        self._deferred = True
        if self.received:
            raise Stopped(self.received)

    def requested(self) -> bool:
        """True once a signal has come."""
        return bool(self.received)

    def __call__(self, march: Engine, cell: AcceptedCell) -> None:
        """Observer of `dmft.running.solve.solve`."""
        from dmft.running.solve import StopRun

        if self.received:
            raise StopRun


def ignore_all() -> None:
    """Let no signal change the exit status that is decided already."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
