"""dmft cite: BibTeX of what a file rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.inputs import load_file
from dmft.cli.output import say
from dmft.version import REPOSITORY

if TYPE_CHECKING:
    from dmft import Problem
    from dmft.problem.description import Citation


def cite(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
) -> None:
    """Print BibTeX of what was used to make a file."""
    from dmft import Simulation
    from dmft.engines import kinds
    from dmft.models.experiment import scheme_citations

    made = load_file(file, only_observables=True)
    scheme = scheme_citations(made.scheme) if isinstance(made, Simulation) else kinds.citations(made.problem)
    say("\n\n".join(f"% {cited.purpose}\n{cited.entry}" for cited in citations(made.problem, made.provenance, scheme)))


def citations(problem: Problem, provenance: Mapping[str, str], scheme: Sequence[Citation]) -> list[Citation]:
    """The theory, this program, and the numerical scheme."""
    return [*problem.parameters.description.citations, _program(provenance), *scheme]


def _program(origin: Mapping[str, str]) -> Citation:
    """This program, at the version and commit that wrote the file."""
    from dmft.problem.description import Citation

    commit = f",\n  note    = {{commit {origin['git']}}}" if origin["git"] else ""
    entry = f"""@software{{dmft,
  author  = {{{{The dmft developers}}}},
  title   = {{dmft: dynamical mean-field theory of two-layer networks}},
  version = {{{origin["dmft_version"]}}}{commit},
  url     = {{{REPOSITORY}}},
}}"""
    return Citation("the program that made the file", entry)
