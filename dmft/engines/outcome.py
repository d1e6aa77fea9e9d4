"""Outcome of a run, as a named value whose text is advice."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """`value` is the name in run files; `advice` says what to do about it."""

    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"
    NOT_CONVERGED = "not-converged"
    NOT_FINITE = "not-finite"
    STUCK = "stuck"
    DIVERGED = "diverged"
    TOO_NOISY = "too-noisy"

    @property
    def advice(self) -> str:
        """Advice to the user, in words."""
        return ADVICE[self]

    @property
    def failed(self) -> bool:
        """True if the mathematics failed, as opposed to being finished or interrupted."""
        return self in FAILURES


FAILURES = (Outcome.NOT_CONVERGED, Outcome.NOT_FINITE, Outcome.STUCK, Outcome.DIVERGED, Outcome.TOO_NOISY)

ADVICE = {
    Outcome.RUNNING: "the run is not finished; the same command goes on from the last checkpoint",
    Outcome.DONE: "t_max was reached",
    Outcome.INTERRUPTED: "stopped by a signal after a checkpoint; the same command goes on from there",
    Outcome.NOT_CONVERGED: "the fixed point of a cell did not converge even with the smallest step; "
    "try a larger tolerance, fewer stages or more max_iterations",
    Outcome.DIVERGED: "gradient descent raised the training error: the learning rate is beyond its stable value; "
    "try a smaller learning_rate",
    Outcome.NOT_FINITE: "a value overflowed even with the smallest step; "
    "check the sizes of what the run starts from, of coefficients and of the learning_rate",
    Outcome.STUCK: "the step or the number of nodes reached its limit before t_max; "
    "try a larger tolerance, or raise max_nodes or lower smallest_step",
    Outcome.TOO_NOISY: "chance became too large a part of the results, which are kept as far as they are right",
}
