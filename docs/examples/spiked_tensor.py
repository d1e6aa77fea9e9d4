"""A spiked tensor: a signal u hidden in a random tensor of order p, found by gradient descent from a tilted start.

N spins w with |w|^2 = N and overlap v = <w, u>/N.  The energy is a Gaussian function of covariance N q^p/2 and the signal,

    H = H_noise - N lambda v^p,     dw/dt = -grad H - nu w.

This is the spherical p-spin glass with f(q) = q^p/2 and a drift along u.  As N -> infinity,

    M = f''(C) R,   D = f'(C),   b = lambda p v^(p-1),   E(t) = H/N = -int_0^t f'(C) R ds - lambda v^p,   nu = -p E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dmft.history.history import History
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.problem.description import RATE, Ageing, Citation, Curve, Description, Pair, Panel, Picture, Quantity
from dmft.problem.parameters import Parameters

Array = NDArray[np.float64]

DESCRIPTION = Description(
    title=("$p = {order}$", r"$\lambda = {signal}$", "$v(0) = {alignment}$"),
    time=r"time $t$ (unit of $\dot w=-\nabla H$)",
    observables={
        "energy": Quantity(RATE, "E(t) = H/N, energy per spin", "energy  $E$"),
        "multiplier": Quantity(RATE, "nu(t), which keeps |w|^2 = N", r"multiplier  $\nu$"),
        "alignment": Quantity("1", "v(t) = <w, u>/N, overlap with the signal", r"alignment  $v$"),
    },
    kernels={
        "C": Quantity("1", "<w(t), w(t')>/N, correlation of a spin with itself", "$C(t,t')$"),
        "R": Quantity(RATE, "response density of a spin at t to a force on itself at t'", "$R(t,t')$"),
    },
    summary=("energy", "alignment"),
    swept=("alignment",),
    pictures=(Picture("C"),),
    citations=(
        Citation(
            "the dynamics of spiked tensor models",
            """@article{saraomannelli2019passed,
  author  = {Sarao Mannelli, Stefano and Krzakala, Florent and Urbani, Pierfrancesco and Zdeborov{\\'a}, Lenka},
  title   = {Passed \\& Spurious: Descent Algorithms and Local Minima in Spiked Matrix-Tensor Models},
  journal = {International Conference on Machine Learning},
  year    = {2019},
}""",
        ),
    ),
)


@dataclass(frozen=True)
class SpikedTensor:
    """The equations in the module docstring."""

    order: int
    signal: float
    alignment: float

    channels = (Channels(weights=np.ones((1, 1)), sizes=np.ones((1, 1))),)
    directions = 1
    constraints = ("C(t,t)",)
    scalars = ()
    fields = ()
    observables = DESCRIPTION.observable_fields({})
    response_kernels = ("R",)
    observable_sizes = {}
    kinks = frozenset()
    risk = ""
    energy = "energy"

    def start(self) -> Start:
        """A random configuration, tilted towards the signal."""
        return Start(C=(np.ones((1, 1, 1)),), overlap=np.full((1, 1), self.alignment), scalars=np.empty(0))

    def forces(self, history: History, rows: Rows) -> Forces:
        """M = f''(C) R and D = f'(C); R holds the weights of int ds, and so does M."""
        p, (C,), (R,), v = self.order, rows.C, rows.R, rows.overlap
        M, D = p * (p - 1) / 2 * C ** (p - 2) * R, p / 2 * C ** (p - 1)
        return Forces((M,), (D,), self.signal * p * v ** (p - 1), rates=np.empty((0, v.size)), kernels={}, values={})

    def observe(self, history: History, rows: Rows, forces: Forces, multiplier: Array) -> dict[str, Array]:
        """Observables of the run file on the new nodes."""
        noise = np.einsum("sj,sj->s", forces.D[0][0], rows.R[0][0])
        return {
            "energy": -noise - self.signal * rows.overlap[0] ** self.order,
            "multiplier": multiplier[:, 0],
            "alignment": rows.overlap[0],
        }

    def kernels(self, history: History) -> dict[str, Array]:
        """C and R."""
        return {"C": history["C"][0], "R": history["R"][0]}

    def responses(self, history: History) -> dict[str, tuple[Array, Array]]:
        """R(t, t) = 1."""
        return {"R": (history["kick"][0], np.ones(history.n))}


class SpikedTensorParameters(Parameters):
    """The `[problem]` table of `model = "spiked-tensor"`."""

    description = DESCRIPTION

    order: int = Field(ge=2, le=10, description="p of the tensor")
    signal: float = Field(ge=0, allow_inf_nan=False, description="lambda, strength of the signal")
    alignment: float = Field(default=0.0, gt=-1, lt=1, description="v(0), overlap of the start with the signal")

    def build(self) -> SpikedTensor:
        """The equations of this parameter point."""
        return SpikedTensor(self.order, self.signal, self.alignment)

    def panels(self) -> tuple[Panel, ...]:
        """Energy beside alignment; ageing."""
        return Pair(Curve("energy"), Curve("alignment")), Ageing("C")
