"""Names, shapes, units and meanings of everything in a run file, once; those of the results come from their model.

A run file is HDF5, schema 1.  Root attributes say what was asked and how it ended, and hold the constants of the model; `/time`
and `/time_prime` are the dimension scales; `/observables`, `/kernels` and `/order_parameters` hold results, `/state` what a
continuation needs.  A theory that is sampled has `/standard_errors`, and `/distributions` over its samples at a few times.

A simulation file has the same names for means over seeds, with `/standard_errors` of all of them and `/seeds` for each seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dmft.engines.outcome import Outcome
from dmft.history.fields import DISTRIBUTION_TIME, ONE_TIME, TWO_TIME, Sizes
from dmft.problem.description import TIME, Quantity
from dmft.storage import seal

SCHEMA = 1
SIMULATION_SCHEMA = 1
SWEEP_SCHEMA = 1
# Kinds of files by the attribute that holds the version of their layout.
KINDS = {"schema": "a run file", "simulation_schema": "a simulation file", "sweep_schema": "the table of a sweep"}


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
    seal.ATTRIBUTE: seal.MEANING,
}

_T, _TT = ("time",), ("time", "time_prime")

ROOT: dict[str, Entry] = {
    "time": Entry(_T, TIME, "nodes t; the first is 0, the last t_max if the run is complete"),
    "time_prime": Entry(("time_prime",), TIME, "nodes t', the same as time: second axis of the kernels"),
    "weights": Entry(_T, TIME, "quadrature weights of int ds on the nodes"),
    DISTRIBUTION_TIME: Entry((DISTRIBUTION_TIME,), TIME, "times of the distributions, where there are any"),
}


SIMULATION_ATTRIBUTES: dict[str, str] = {
    "simulation_schema": "version of this layout, 1",
    "dmft_version": ATTRIBUTES["dmft_version"],
    "model": ATTRIBUTES["model"],
    "problem": ATTRIBUTES["problem"],
    "dim": "input dimension d",
    "fields": "kind of finite system, one of those that the theory describes",
    "times": "number of times asked for; a problem with whole steps may have fewer",
    "tolerance": "relative error of observables from the integration in time",
    "two_time": "whether two-time correlations were kept",
    "samples": "number of training samples n",
    "outcome": f"{Outcome.DONE.value}, or {Outcome.NOT_FINITE.value} if the weights of a seed diverged",
    "advice": ATTRIBUTES["advice"],
    "complete": "true if every seed is finite to t_max",
    "wall_time": "seconds of computing, all seeds together",
    "git": ATTRIBUTES["git"],
    "command": ATTRIBUTES["command"],
    seal.ATTRIBUTE: seal.MEANING,
}

SIMULATION_ROOT: dict[str, Entry] = {
    "time": Entry(_T, TIME, "times; the first is 0, the last t_max"),
    "time_prime": Entry(("time_prime",), TIME, "the same as time: second axis of the kernels, if there are any"),
    "seed": Entry(("seed",), "1", "seeds of the random numbers"),
    "evaluations": Entry(("seed",), "1", "evaluations of the rate of change of all weights"),
}


def observables(quantities: Mapping[str, Quantity], axes: Sizes | None = None) -> dict[str, Entry]:
    """Datasets of `/observables`, from the description of a model, with the dimensions that a parameter point has, or all."""
    return _entries(quantities, ONE_TIME, axes)


def kernels(quantities: Mapping[str, Quantity], axes: Sizes | None = None) -> dict[str, Entry]:
    """Datasets of `/kernels`, as `observables`."""
    return _entries(quantities, TWO_TIME, axes)


def order_parameters(quantities: Mapping[str, Quantity], axes: Sizes | None = None) -> dict[str, Entry]:
    """Datasets of `/order_parameters`, as `observables`."""
    return _entries(quantities, ONE_TIME, axes)


def distributions(quantities: Mapping[str, Quantity], axes: Sizes | None = None) -> dict[str, Entry]:
    """Datasets of `/distributions`, as `observables`: of each quantity its histogram and moments."""
    found = {}
    for name, quantity in quantities.items():
        dims, units = (DISTRIBUTION_TIME, *quantity.dimensions_with(axes)), quantity.units
        rate = "1" if units == "1" else f"1/({units})"
        found |= {
            f"{name}_density": Entry((*dims, "bin"), rate, f"density, mean over each bin, of the {quantity.meaning}"),
            f"{name}_edges": Entry((*dims, "bin_edge"), units, f"edges of the bins of the {quantity.meaning}"),
            f"{name}_mean": Entry(dims, units, f"mean of the {quantity.meaning}"),
            f"{name}_deviation": Entry(dims, units, f"standard deviation of the {quantity.meaning}"),
            f"{name}_kurtosis": Entry(dims, "1", f"kurtosis, 3 for a Gaussian, of the {quantity.meaning}"),
        }
    return found


def _entries(quantities: Mapping[str, Quantity], times: tuple[str, ...], axes: Sizes | None) -> dict[str, Entry]:
    return {
        name: Entry(times + quantity.dimensions_with(axes), quantity.units, quantity.meaning)
        for name, quantity in quantities.items()
    }


def mean(entry: Entry) -> Entry:
    """The mean over the seeds of a simulation."""
    return replace(entry, meaning=f"mean over seeds of {entry.meaning}")


def estimated_error(entry: Entry) -> Entry:
    """That of the integration, from a run to a smaller tolerance."""
    return replace(entry, meaning=f"estimated error of the integration of {entry.meaning}")


def standard_error(entry: Entry) -> Entry:
    """That of the mean."""
    return replace(entry, meaning=f"standard error of the mean over seeds of {entry.meaning}")


def error_of_sets(entry: Entry) -> Entry:
    """That of a mean over independent sets of samples, in a run file."""
    return replace(entry, meaning=f"standard error of {entry.meaning}")


def of_each_seed(entry: Entry) -> Entry:
    """The same in each seed."""
    return Entry(("seed", *entry.dimensions), entry.units, entry.meaning)
