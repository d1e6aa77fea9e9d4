"""Names, shapes, units and meanings of everything in a run file, once.

A run file is HDF5, schema 1.  Root attributes say what was asked and how it ended; `/time` and `/time_prime` are the dimension
scales; `/observables` and `/kernels` hold results, `/state` what a continuation needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from dmft.solver.outcome import Outcome

SCHEMA = 1

TIME = "time unit"
RATE = f"1/{TIME}"


@dataclass(frozen=True)
class Entry:
    """One dataset: its dimensions, units ("1" for a pure number) and meaning."""

    dimensions: tuple[str, ...]
    units: str
    meaning: str


ATTRIBUTES: dict[str, str] = {
    "schema": "version of this layout, 1",
    "dmft_version": "version of the program",
    "model": "the theory, as in [problem] model",
    "problem": "the problem file as TOML text, defaults included",
    "outcome": f"one of {', '.join(outcome.value for outcome in Outcome)}",
    "advice": "what to do about the outcome, in words",
    "complete": "true if the last node is t_max",
    "nodes": "number of nodes n, the initial condition included",
    "iterations": "fixed-point iterations, all cells together",
    "residual": "relative residual of the fixed point of the last cell tried, accepted or not",
    "wall_time": "seconds of computing, all continuations together",
    "git": "commit of the program's source tree, empty if there is none",
    "command": "the command line that wrote the file last",
}

_T, _TT = ("time",), ("time", "time_prime")

ROOT: dict[str, Entry] = {
    "time": Entry(_T, TIME, "nodes t; the first is 0, the last t_max if the run is complete"),
    "time_prime": Entry(("time_prime",), TIME, "nodes t', the same as time: second axis of the kernels"),
    "weights": Entry(_T, TIME, "quadrature weights of int ds on the nodes"),
}

OBSERVABLES: dict[str, Entry] = {
    "train_error": Entry(_T, "1", "C_F(t,t)/2: mean of (f - y)^2/2 on the training samples, label noise included"),
    "test_error": Entry(_T, "1", "C0_F(t,t)/2: mean of (f - y)^2/2 on a fresh sample, label noise included"),
    "second_layer": Entry(_T, "1", "a(t), the second-layer weight of every neuron"),
    "alignment": Entry(_T, "1", "v(t) = <w_i, u>, overlap of a neuron with the signal direction"),
    "multiplier": Entry(_T, RATE, "nu(t), which keeps |w_i| = 1"),
    "neuron_overlap": Entry(_T, "1", "C_o(t,t) = <w_i, w_j>, overlap of two neurons"),
    "memory_of_start": Entry(_T, "1", "C_d(t,0), overlap of a neuron with its initial value"),
    "complexity": Entry(_T, "1", "|a| sqrt(h'(1)/alpha), bound of the Gaussian complexity"),
}

KERNELS: dict[str, Entry] = {
    "C_d": Entry(_TT, "1", "<w_i(t), w_i(t')>, correlation of a neuron with itself"),
    "C_o": Entry(_TT, "1", "<w_i(t), w_j(t')>, correlation of two neurons"),
    "R_d": Entry(_TT, RATE, "response density of a neuron at t to a force on itself at t'"),
    "R_o": Entry(_TT, RATE, "response density of a neuron at t to a force on another at t'"),
    "C_F": Entry(_TT, "1", "correlation of the residual f - y on one training sample"),
    "R_F": Entry(_TT, RATE, "response density of that residual to a field added to it, without its delta(t-t')"),
}
