"""Description of the theory for users: names, units, labels, figures, citations."""

from __future__ import annotations

from dmft.mathematics.notation import power_series
from dmft.problem.description import RATE, Citation, Description, Picture, Quantity, Slider

DESCRIPTION = Description(
    about="gradient descent in the spherical mixed p-spin glass",
    time=r"time $t$ (unit of $\dot w=-\nabla H$)",
    title=("$f(q) = {couplings}$",),
    written={"couplings": power_series},
    observables={
        "energy": Quantity(RATE, "E(t) = H/N, energy per spin", "energy  $E$"),
        "multiplier": Quantity(RATE, "nu(t), which keeps |w|^2 = N", r"multiplier  $\nu$"),
        "hessian_edge": Quantity(
            RATE,
            "nu - 2 sqrt(f''(1)), lowest eigenvalue of the Hessian on the sphere",
            r"Hessian edge  $\nu-2\sqrt{f''(1)}$",
            difference=2,
        ),
        "memory_of_start": Quantity("1", "C(t,0), overlap with the initial configuration", "memory of the start  $C(t,0)$"),
    },
    kernels={
        "C": Quantity("1", "<w(t), w(t')>/N, correlation of a spin with itself", "$C(t,t')$"),
        "R": Quantity(RATE, "response density of a spin at t to a force on itself at t'", "$R(t,t')$"),
    },
    summary=("energy", "multiplier"),
    swept=("energy", "multiplier"),
    pictures=(Picture("C"), Picture("R", decades=True)),
    citations=(
        Citation(
            "the dynamics of the spherical p-spin glass",
            """@article{crisanti1993spherical,
  author  = {Crisanti, Andrea and Horner, Heinz and Sommers, Hans-J{\\"u}rgen},
  title   = {The Spherical p-Spin Interaction Spin-Glass Model: The Dynamics},
  journal = {Zeitschrift f{\\"u}r Physik B},
  volume  = {92},
  pages   = {257--271},
  year    = {1993},
  doi     = {10.1007/BF01312184},
}""",
        ),
        Citation(
            "the ageing solution and the threshold energy",
            """@article{cugliandolo1993analytical,
  author  = {Cugliandolo, Leticia F. and Kurchan, Jorge},
  title   = {Analytical Solution of the Off-Equilibrium Dynamics of a Long-Range Spin-Glass Model},
  journal = {Physical Review Letters},
  volume  = {71},
  pages   = {173--176},
  year    = {1993},
  doi     = {10.1103/PhysRevLett.71.173},
}""",
        ),
    ),
    example={
        "problem": {"model": "spherical-pspin", "couplings": {"2": 0.001, "3": 0.5, "4": 0.001}},
        "solver": {"t_max": 1000.0},
    },
    controls=(
        Slider("problem.couplings.2", "coupling of q^2", 0.001, 1.0, decades=True),
        Slider("problem.couplings.3", "coupling of q^3", 0.001, 1.0, decades=True),
        Slider("problem.couplings.4", "coupling of q^4", 0.001, 1.0, decades=True),
        Slider("solver.t_max", "last time", 1.0, 1e5, decades=True),
    ),
)
