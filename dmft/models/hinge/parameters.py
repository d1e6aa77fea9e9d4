"""Gradient flow of a two-layer network that learns to classify, with the hinge loss, in the limit of infinitely many units.

Network f(x) = (1/M) sum_i a_i relu(w_i.x), x standard normal in N dimensions, labels y = sign(x_1); loss
(1/alpha^2) E max(0, h - alpha y f), E over the data set; time unit: da_i/dt = -M dloss/da_i, the same for w_i.  At t = 0 the
components of all (a_i, w_i) are independent, symmetric about zero, of variances s_a and s_w.  M -> infinity; Pellegrini &
Biroli, arXiv:2006.11209 (NeurIPS 2020).

Only the examples with alpha y f < h act on a node, and the population of nodes decides which these are.  A data set that
holds -x with -y for each x with y stays odd, and so does f: then relu acts as half of its argument, all nodes obey

    da/dt = V.w/2,   dw/dt = V a/2,   V = (1/alpha) E[y x; alpha y f < h],

and all (a, w) are turned by one hyperbolic rotation.  It takes (1, 0) to (gamma, p), one node that stands for all of them:

    f(x) = (s_a + s_w) gamma p.x/2.

Infinite data set: p = sinh(g) along x_1, f = s x_1 with the slope s = (1/4)(s_a + s_w) sinh 2g, and with c = h/(alpha s)

    dg/dt = (1/alpha) (2 pi)^(-1/2) (1 - e^(-c^2/2)),

which separates: t is an integral over v = 1/c.  At late times g = (1/4) log(128 h^2 t/(sqrt(2 pi) alpha^3 (s_a + s_w)^2)).

Finite data set: P examples and their mirror images; `hinge_node.py` follows (gamma, p).  With f = D.x, of which a part is
along x_1 and a part across, the loss on a fresh example follows from y D.x/|D|, which has a skew normal law.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_serializer, field_validator, model_validator
from scipy.special import erf

from dmft.models.hinge.loss import fresh_loss, parts
from dmft.models.hinge.node import Data, NodeInData
from dmft.models.hinge.population import SIGNS, Population, drawn
from dmft.models.hinge.step import DataSet
from dmft.problem.description import Citation, Curve, Curves, Description, Found, Pair, Panel, Quantity
from dmft.problem.parameters import Parameters, register

Array = NDArray[np.float64]

# Panels of the integral for t double in length, up to slopes that no run reaches.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LARGEST = 1e150
# Changes of the unsatisfied set per example, in runs until all are satisfied.
KINKS = 1.6
# Pairs of fresh examples of a population.
PAIRS = 2000
# Arrays that are there at once: of all examples and nodes; of all pairs of examples; of all nodes.
FIELDS, KERNELS, STATES = 7, 4, 25

DESCRIPTION = Description(
    title=(r"$\alpha = {laziness}$", "$h = {threshold}$", "$P = {samples}$", "$N = {dimension}$"),
    observables={
        "generalization_error": Quantity(
            "1", "(1/alpha^2) E max(0, h - alpha y f) on a fresh example", r"hinge loss of a fresh example"
        ),
        "train_error": Quantity("1", "the same on the data set", "hinge loss of the data set"),
        "misclassified": Quantity("1", "probability that sign f is wrong on a fresh example", "fraction misclassified"),
        "unsatisfied": Quantity("1", "fraction of the data set with alpha y f < h", "fraction unsatisfied"),
        "rotation": Quantity(
            "1", "g, hyperbolic angle by which all nodes are turned, or one that moves their a as far", "rotation  $g$"
        ),
        "slope": Quantity("1", "s, coefficient of x_1 in the linear part of f", "slope  $s$"),
        "slope_across": Quantity("1", "norm of the coefficients of all other components of x", "slope across"),
    },
    kernels={},
    summary=("generalization_error", "train_error", "rotation"),
    swept=("generalization_error", "misclassified", "rotation"),
    smallest="generalization_error",
    citations=(
        Citation(
            "the dynamics with the hinge loss",
            """@inproceedings{pellegrini2020analytic,
  author        = {Pellegrini, Franco and Biroli, Giulio},
  title         = {An Analytic Theory of Shallow Networks Dynamics for Hinge Loss Classification},
  booktitle     = {Advances in Neural Information Processing Systems},
  year          = {2020},
  eprint        = {2006.11209},
  archivePrefix = {arXiv},
}""",
        ),
    ),
)


@register("hinge")
class HingeParameters(Parameters):
    """The `[problem]` table of `model = "hinge"`."""

    description = DESCRIPTION
    theory_alone = ("population",)
    step_keys = ("samples", "population")

    laziness: float = Field(gt=0, le=1e50, allow_inf_nan=False, description="alpha, which multiplies f in the loss")
    threshold: float = Field(default=1.0, gt=0, le=1e50, allow_inf_nan=False, description="h, the margin that satisfies")
    output_variance: float = Field(default=1.0, ge=0, le=1e50, allow_inf_nan=False, description="s_a, variance of a_i(0)")
    weight_variance: float = Field(
        default=1.0, ge=0, le=1e50, allow_inf_nan=False, description="s_w, variance of each component of w_i(0)"
    )
    samples: float = Field(default=math.inf, description="P, number of examples: a whole number, or inf")
    dimension: int | None = Field(default=None, ge=1, description="N, of the examples, with a finite number of them")
    mirrored: bool = Field(default=True, description="whether the mirror image -x, of label -y, of each example is there too")
    population: int | None = Field(
        default=None, ge=1, description="nodes that stand for infinitely many, with mirrored = false: a multiple of 4, >= 4 N"
    )
    seed: int = Field(default=0, ge=0, description="of the examples, and of a population")
    units: int = Field(default=1000, ge=1, description="M, of networks that are simulated; the theory has infinitely many")

    @field_validator("samples")
    @classmethod
    def _whole(cls, samples: float) -> float:
        if samples == math.inf or (samples >= 1 and samples == int(samples)):
            return samples
        raise ValueError("wanted a whole number >= 1, or inf")

    @field_serializer("samples")
    def _written_whole(self, samples: float) -> float | int:
        return samples if math.isinf(samples) else int(samples)

    @model_validator(mode="after")
    def _consistent(self) -> HingeParameters:
        if self.variance == 0:
            raise ValueError("output_variance, weight_variance: both 0, wanted a positive one, as f = 0 does not move")
        if math.isinf(self.samples) != (self.dimension is None):
            wanted = "wanted only with a finite number of samples" if self.dimension else "is missing: wanted with samples"
            raise ValueError(f"dimension {wanted}")
        self._refuse_population()
        return self

    def _refuse_population(self) -> None:
        """ValueError if there is one that is not wanted, too small, or missing."""
        if self.mirrored:
            if self.population is not None:
                raise ValueError(f"population = {self.population}: wanted only with mirrored = false")
            return
        if self.dimension is None:
            raise ValueError("mirrored = false: wanted only with a finite number of samples")
        if self.weight_variance == 0:
            raise ValueError("weight_variance = 0: wanted > 0 with mirrored = false, as relu has its kink there")
        if self.population is None:
            raise ValueError("population is missing: wanted with mirrored = false")
        if self.population % SIGNS or self.population < SIGNS * self.dimension:
            least = SIGNS * self.dimension
            raise ValueError(f"population = {self.population}: wanted a multiple of {SIGNS}, >= {least} = {SIGNS} dimension")

    @property
    def variance(self) -> float:
        """s_a + s_w: all that matters of the start."""
        return self.output_variance + self.weight_variance

    def late_rotation(self, t: float) -> float:
        """What g tends to at late times with an infinite data set."""
        rate = 128 * self.threshold**2 / (math.sqrt(2 * math.pi) * self.laziness**3 * self.variance**2)
        return math.log(rate * t) / 4

    @property
    def kind(self) -> str:
        """Solved in closed form, but for a population."""
        return "closed-form" if self.mirrored else "stepped"

    @property
    def step_values(self) -> float:
        """Fields and what is made of them, kernels, and the states of a cell; of a population."""
        if self.population is None or self.dimension is None:
            return 0.0
        states = STATES * self.population * (self.dimension + 1)
        return FIELDS * self.samples * self.population + KERNELS * self.samples**2 + states

    def build(self) -> InfiniteData | FiniteData | Population:
        """The equations of this parameter point, but for a population solved."""
        if self.dimension is None:
            return InfiniteData(self.laziness, self.threshold, self.variance)
        x = examples(self.dimension, int(self.samples), self.seed)
        if self.population is None:
            return FiniteData(self.laziness, self.threshold, self.variance, np.sign(x[:, :1]) * x)
        nodes, fresh = (np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(key,))) for key in (0, 1))
        return Population(
            DataSet(x, self.laziness, self.threshold),
            drawn(self.population, self.dimension, (self.output_variance, self.weight_variance), nodes),
            self.variance,
            fresh.standard_normal((PAIRS, self.dimension)),
        )

    def panels(self) -> tuple[Panel, ...]:
        """Loss; what does not vanish beside the rotation."""
        losses = Curve("generalization_error", "of a fresh example", decades=True), Curve("train_error", "of the data set")
        beside = "unsatisfied" if self.dimension is None else "misclassified"
        shown = losses[:1] if self.dimension is None else losses
        return Curves(shown, "hinge loss"), Pair(Curve("rotation"), Curve(beside, decades=True))

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """Distance from the late law; or overfitting."""
        if self.dimension is None:
            return {"late times": [("log(t)/4 + constant", f"{self.late_rotation(float(found.time[-1])):.8g} at the end")]}
        best, last = found.minimum("generalization_error"), found.observables["generalization_error"][-1]
        return {
            "overfitting": [
                ("smallest generalization error", f"{best.value:.8g} at t = {best.time:.8g}"),
                ("at the end", f"{last:.8g}, {last / best.value:.4g} times as large"),
            ]
        }


def examples(dimension: int, samples: int, seed: int) -> Array:
    """The examples x of a finite data set, (samples, dimension), without their mirror images."""
    return np.random.default_rng(seed).standard_normal((samples, dimension))


@dataclass(frozen=True)
class InfiniteData:
    """Infinite data set: g(t) by inverting t(v), v = alpha s/h; `variance` is s_a + s_w."""

    laziness: float
    threshold: float
    variance: float

    observables = tuple(DESCRIPTION.observables)
    steps: frozenset[str] = frozenset()
    expected_kinks = 0.0

    @property
    def rich(self) -> float:
        """v at which sinh 2g = 1."""
        return self.laziness * self.variance / (4 * self.threshold)

    @property
    def fastest_rate(self) -> float:
        """Of g, or of v if that is faster, at t = 0."""
        return max(1.0, 2 * self.rich) / (self.laziness * math.sqrt(2 * math.pi))

    def next_kink(self, time: float) -> float:
        """None."""
        return math.inf

    def _slowness(self, v: Array) -> Array:
        """dt/dv."""
        turning = self.laziness / (2 * self.rich * np.hypot(1.0, v / self.rich))
        with np.errstate(divide="ignore"):
            return -math.sqrt(2 * math.pi) * turning / np.expm1(-0.5 / v**2)

    def _elapsed(self, first: Array, last: Array) -> Array:
        """Time from v = `first` to `last`, which is at most twice as far, (n,)."""
        half = (last - first) / 2
        return half * (self._slowness(first[:, None] + half[:, None] * (NODES + 1)) @ WEIGHTS)

    @cached_property
    def _panels(self) -> tuple[Array, Array]:
        """Ends of the panels in v, and the times there; the first panel is as long as nothing has happened yet."""
        first = min(1.0, self.rich) / 8
        ends = np.append(0.0, first * 2.0 ** np.arange(math.ceil(math.log2(LARGEST / first))))
        return ends, np.append(0.0, np.cumsum(self._elapsed(ends[:-1], ends[1:])))

    def _scaled_slope(self, t: Array) -> Array:
        """v(t), by Newton's method in its panel."""
        ends, times = self._panels
        panel = np.searchsorted(times, t, side="right") - 1
        first, last = ends[panel], ends[panel + 1]
        v = first + (last - first) * (t - times[panel]) / (times[panel + 1] - times[panel])
        for _ in range(8):
            v = np.clip(v + (t - times[panel] - self._elapsed(first, v)) / self._slowness(v), first, last)
        return v

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each."""
        v = self._scaled_slope(t)
        with np.errstate(divide="ignore"):
            unsatisfied = erf(1 / (math.sqrt(2) * v))
            loss = unsatisfied + v * math.sqrt(2 / math.pi) * np.expm1(-0.5 / v**2)
        loss *= self.threshold / self.laziness**2
        nothing = np.zeros_like(v)
        return {
            "generalization_error": loss,
            "train_error": loss,
            "misclassified": nothing,
            "unsatisfied": unsatisfied,
            "rotation": np.arcsinh(v / self.rich) / 2,
            "slope": v * self.threshold / self.laziness,
            "slope_across": nothing,
        }


@dataclass(frozen=True)
class FiniteData:
    """Finite data set z = y x, (P, N): observables of the node that stands for all."""

    laziness: float
    threshold: float
    variance: float
    z: Array

    observables = tuple(DESCRIPTION.observables)
    steps = frozenset({"unsatisfied"})

    @cached_property
    def node(self) -> NodeInData:
        """The node, which is computed as far as it is asked for."""
        limit = 2 * self.threshold / (self.laziness * self.variance)
        return NodeInData(Data(self.z, limit, self.laziness * len(self.z)))

    @property
    def fastest_rate(self) -> float:
        """Of the rotation, or of the margins if that is faster, at t = 0."""
        return self.node.speed / 2 * max(1.0, 1 / self.node.data.limit)

    @property
    def expected_kinks(self) -> float:
        """Every example leaves the unsatisfied set, and some come back."""
        return KINKS * len(self.z)

    @property
    def next_kink(self) -> Callable[[float], float]:
        """Next change of the unsatisfied set."""
        return self.node.next_kink

    def evaluate(self, t: Array) -> dict[str, Array]:
        """Every observable at the times t, (len(t),) each."""
        p, unsatisfied, shortfall = self.node.at(t)
        size = np.linalg.norm(p, axis=1)
        D = (self.variance / 2 * np.hypot(1.0, size))[:, None] * p
        along, across = parts(D)
        # At t = 0 f vanishes, but not the direction in which it starts.
        wrong = np.arctan2(*parts(np.where(size[:, None] > 0, p, self.node.direction))[::-1]) / math.pi
        return {
            "generalization_error": fresh_loss(self.laziness, self.threshold, along, across),
            "train_error": self.threshold / self.laziness**2 * shortfall,
            "misclassified": wrong,
            "unsatisfied": unsatisfied,
            "rotation": np.arcsinh(size),
            "slope": along,
            "slope_across": across,
        }
