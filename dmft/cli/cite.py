"""dmft cite: BibTeX of what a file rests on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmft.cli.inputs import load_file
from dmft.problem.description import Citation

if TYPE_CHECKING:
    from dmft import Problem

RADAU = Citation(
    "Radau IIA, the scheme in time",
    """@book{hairer1996solving,
  author    = {Hairer, Ernst and Wanner, Gerhard},
  title     = {Solving Ordinary Differential Equations {II}: Stiff and Differential-Algebraic Problems},
  edition   = {2},
  publisher = {Springer},
  year      = {1996},
  doi       = {10.1007/978-3-642-05221-7},
}""",
)
ANDERSON = Citation(
    "Anderson acceleration, which solves the equations of a time step",
    """@article{walker2011anderson,
  author  = {Walker, Homer F. and Ni, Peng},
  title   = {Anderson Acceleration for Fixed-Point Iterations},
  journal = {SIAM Journal on Numerical Analysis},
  volume  = {49},
  number  = {4},
  pages   = {1715--1735},
  year    = {2011},
  doi     = {10.1137/10078356X},
}""",
)
CHEBYSHEV = Citation(
    "the scheme in time of simulated gradient flow",
    """@article{sommeijer1998rkc,
  author  = {Sommeijer, B. P. and Shampine, L. F. and Verwer, J. G.},
  title   = {{RKC}: An Explicit Solver for Parabolic {PDEs}},
  journal = {Journal of Computational and Applied Mathematics},
  volume  = {88},
  number  = {2},
  pages   = {315--326},
  year    = {1998},
  doi     = {10.1016/S0377-0427(97)00219-7},
}""",
)
SAMPLED = Citation(
    "dynamical mean-field theory of a sample as a process, and of stochastic gradient descent",
    """@inproceedings{mignacco2020dynamical,
  author    = {Mignacco, Francesca and Krzakala, Florent and Urbani, Pierfrancesco and Zdeborov{\\'a}, Lenka},
  title     = {Dynamical Mean-Field Theory for Stochastic Gradient Descent in {Gaussian} Mixture Classification},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {33},
  pages     = {9540--9550},
  year      = {2020},
}""",
)
SCHEME: dict[str, tuple[Citation, ...]] = {
    "radau": (RADAU, ANDERSON),
    "ordinary": (RADAU,),
    "closed-form": (),
    "runge-kutta-chebyshev": (CHEBYSHEV,),
    "gradient-descent": (),
    "sampled": (SAMPLED,),
    "online-sgd": (),
}


def cite(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="Run file, simulation, or table of a sweep.", show_default=False)
    ],
) -> None:
    """Print BibTeX of what was used to make a file."""
    from dmft import Simulation
    from dmft.engines.kinds import engine_name

    made = load_file(file, only_observables=True)
    scheme = made.scheme if isinstance(made, Simulation) else engine_name(made.problem)
    typer.echo("\n\n".join(f"% {cited.purpose}\n{cited.entry}" for cited in citations(made.problem, made.provenance, scheme)))


def citations(problem: Problem, provenance: Mapping[str, str], scheme: str) -> list[Citation]:
    """The theory, this program, and the numerical scheme."""
    return [*problem.parameters.description.citations, _program(provenance), *SCHEME[scheme]]


def _program(origin: Mapping[str, str]) -> Citation:
    """This program, at the version and commit that wrote the file."""
    commit = f",\n  note    = {{commit {origin['git']}}}" if origin["git"] else ""
    entry = f"""@software{{dmft,
  author  = {{{{The dmft developers}}}},
  title   = {{dmft: dynamical mean-field theory of two-layer networks}},
  version = {{{origin["dmft_version"]}}}{commit},
  url     = {{https://github.com/dmft-developers/dmft}},
}}"""
    return Citation("the program that made the file", entry)
