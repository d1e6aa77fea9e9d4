"""`[problem]` of this theory: keys, checks, and the equations built from them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dmft.mathematics.gaussian_integrals import ACTIVATIONS
from dmft.models.online_sgd.description import DESCRIPTION
from dmft.models.online_sgd.equations import OnlineSGD
from dmft.problem.description import Curve, Curves, Entries, Found, Panel, Solved
from dmft.problem.parameters import Parameters

if TYPE_CHECKING:
    from dmft.models.experiment import Setup
    from dmft.models.online_sgd.simulation import OnlineSGDExperiment
    from dmft.problem.problem import Problem
    from dmft.problem.settings import SolverSettings

Array = NDArray[np.float64]
Vector = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]
# An eigenvalue of a covariance may be negative by rounding: this part of the largest.
EIGENVALUE_ROUNDING = 1e-10
# Keys of the two kinds of a start; those in brackets have defaults.
GIVEN = ("student_overlap", "cross_overlap")
RANDOM = ("student_units", "teacher_units", "dimension")


class OnlineSGDParameters(Parameters):
    """The `[problem]` table of `model = "online-sgd"`: a state at t = 0 that is given, or one that is drawn."""

    description = DESCRIPTION

    activation: str = Field(description="g: erf (of x/sqrt 2), relu, linear, or one of the smooth named functions")
    learning_rate: float = Field(gt=0, allow_inf_nan=False, description="of the first layer")
    train_second_layer: bool = Field(default=False, description="whether v is trained, or stays as it is")
    second_layer_learning_rate: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="of the second layer; the same as of the first if it is not given"
    )
    noise: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="sigma, standard deviation of the label noise")
    weight_decay: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="rate at which all weights that learn decay"
    )
    student_overlap: Matrix | None = Field(default=None, description="Q at t = 0, K rows of K numbers")
    cross_overlap: Matrix | None = Field(default=None, description="R at t = 0, K rows of M numbers")
    teacher_overlap: Matrix | None = Field(default=None, description="T, M rows of M numbers; the identity if it is not given")
    student_output: Vector | None = Field(default=None, description="v at t = 0, K numbers; ones if it is not given")
    teacher_output: Vector | None = Field(default=None, description="A, M numbers; ones if it is not given")
    student_units: int | None = Field(default=None, ge=1, description="K of a random start")
    teacher_units: int | None = Field(default=None, ge=1, description="M of a random start")
    dimension: int | None = Field(default=None, ge=2, description="input dimension N in which a random start is drawn")
    seed: int | None = Field(default=None, ge=0, description="of a random start; 0 if it is not given")
    weight_scale: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="standard deviation of the weights of a random start; 1 if it is not given",
    )

    @field_validator("activation")
    @classmethod
    def _known(cls, given: str) -> str:
        if given not in ACTIVATIONS:
            raise ValueError(f"wanted one of {', '.join(ACTIVATIONS)}")
        return given

    @field_validator(*GIVEN, "teacher_overlap", "student_output", "teacher_output", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """Lists of finite numbers, or rows of them."""
        for entry in _entries(given):
            if isinstance(entry, bool) or not isinstance(entry, int | float) or not math.isfinite(entry):
                raise ValueError("wanted finite numbers")
        return given

    @model_validator(mode="after")
    def _one_start(self) -> OnlineSGDParameters:
        """Exactly one kind of start, whole, with arrays that fit together."""
        random = (*RANDOM, "seed", "weight_scale")
        given, drawn = ([key for key in keys if getattr(self, key) is not None] for keys in (GIVEN, random))
        if given and drawn:
            raise ValueError(f"{given[0]}, {drawn[0]}: both given, wanted a state at t = 0 or a random start")
        wanted = RANDOM if drawn else GIVEN
        missing = [key for key in wanted if getattr(self, key) is None]
        if missing:
            instead = "" if given or drawn else f", or {', '.join(RANDOM)} for a random start"
            raise ValueError(f"{', '.join(missing)} missing in [problem]: wanted a value of each{instead}")
        self._refuse_shapes()
        self._refuse_covariance()
        return self

    def _refuse_shapes(self) -> None:
        """ValueError unless all arrays are of K students and M teachers, and a random start has room."""
        K, M = self._units()
        shapes = {"student_overlap": (K, K), "cross_overlap": (K, M), "teacher_overlap": (M, M)}
        shapes |= {"student_output": (K,), "teacher_output": (M,)}
        for key, shape in shapes.items():
            given = getattr(self, key)
            found = () if given is None else _shape(given)
            if given is not None and found != shape:
                has = f"{' x '.join(map(str, found))} numbers" if found else "rows of different lengths"
                raise ValueError(f"{key} has {has}: wanted {' x '.join(map(str, shape))}, for K = {K} and M = {M}")
        if self.dimension is not None and self.dimension < K + M:
            raise ValueError(f"dimension = {self.dimension}: wanted at least student_units + teacher_units = {K + M}")

    @property
    def axes(self) -> dict[str, int]:
        """Student units K and teacher units M."""
        K, M = self._units()
        return {"student": K, "teacher": M}

    def headline(self, settings: SolverSettings, without: Collection[str] = ()) -> dict[str, Any]:
        """With K and M of a start that is given as overlaps."""
        given = super().headline(settings, without)
        if self.student_overlap is None or set(GIVEN) & set(without):
            return given
        return {**given, **dict(zip(RANDOM, self._units(), strict=False))}

    def _units(self) -> tuple[int, int]:
        """K and M."""
        if self.student_units is not None and self.teacher_units is not None:
            return self.student_units, self.teacher_units
        assert self.student_overlap is not None
        assert self.cross_overlap is not None
        return len(self.student_overlap), max(map(len, self.cross_overlap), default=0)

    def _refuse_covariance(self) -> None:
        """ValueError unless [[Q, R], [R^T, T]] is one."""
        Q, R, T = self.overlaps()
        for key, C in (("student_overlap", Q), ("teacher_overlap", T)):
            if not np.array_equal(C, C.T):
                raise ValueError(f"{key} is not symmetric: wanted the same number at ik and at ki")
        C = np.block([[Q, R], [R.T, T]])
        values = np.linalg.eigvalsh(C)
        if values[0] < -EIGENVALUE_ROUNDING * max(values[-1], 1e-300):
            keys = ", ".join((*GIVEN, "teacher_overlap") if self.student_overlap else ("teacher_overlap",))
            raise ValueError(
                f"{keys}: the smallest eigenvalue of the covariance [[Q, R], [R^T, T]] is {values[0]:.3g}: "
                "wanted a positive semidefinite one"
            )
        if self.activation == "relu" and not np.diag(C).min() > 0:
            raise ValueError("student_overlap, teacher_overlap: a unit has length zero, where relu has no slope: wanted > 0")

    def overlaps(self) -> tuple[Array, Array, Array]:
        """Q, R and T at t = 0, given or drawn."""
        T = np.eye(self._units()[1]) if self.teacher_overlap is None else np.array(self.teacher_overlap)
        if self.student_overlap is not None:
            return np.array(self.student_overlap), np.array(self.cross_overlap), T
        Q, R = drawn_overlaps(T, self._units()[0], self.dimension or 0, self.seed or 0)
        scale = self.weight_scale or 1.0
        return scale**2 * Q, scale * R, T

    @property
    def kind(self) -> str:
        """Solved by `dmft.engines.trajectory`."""
        return "ordinary"

    def build(self) -> OnlineSGD:
        """The equations of this parameter point."""
        K, M = self._units()
        second = self.second_layer_learning_rate
        return OnlineSGD(
            self.activation,
            *self.overlaps(),
            np.ones(K) if self.student_output is None else np.array(self.student_output),
            np.ones(M) if self.teacher_output is None else np.array(self.teacher_output),
            self.learning_rate,
            self.learning_rate if second is None else second,
            self.noise,
            self.weight_decay,
            self.train_second_layer,
        )

    def experiment(self, problem: Problem, setup: Setup) -> OnlineSGDExperiment:
        """The simulation of this parameter point."""
        from dmft.models.online_sgd.simulation import OnlineSGDExperiment

        return OnlineSGDExperiment(problem, setup)

    def panels(self) -> tuple[Panel, ...]:
        """The error, and all overlaps that change."""
        error = Curves((Curve("generalization_error", decades=True),), r"$\epsilon_g$")
        outputs = (Entries("v"),) if self.train_second_layer else ()
        return error, Entries("R"), Entries("Q"), *outputs

    def identities(self, solution: Solved) -> dict[str, float]:
        """Covariances, and the gradient of the error."""
        from dmft.models.online_sgd.identities import of

        return of(solution, self.build())

    def findings(self, found: Found) -> dict[str, list[tuple[str, str]]]:
        """The steady state that Newton's method reaches from the end of the run, and whether it is stable."""
        if not found.order_parameters:
            return {}
        model = self.build()
        last = {name: values[-1] for name, values in found.order_parameters.items()}
        state = model.steady_state(model.packed(last["Q"], last["R"], last["v"]))
        if state is None:
            return {"steady state": [("none", "Newton's method finds none near the end of the run")]}
        error = model.observe(state.y[:, None])["generalization_error"][0]
        return {
            "steady state": [
                ("generalization_error", f"{error:.8g}"),
                ("distance", f"{state.distance:.1e}, of the largest entry of Q, R and v from the end of the run"),
                ("stability", state.verdict),
            ]
        }


def _shape(given: Vector | Matrix) -> tuple[int, ...]:
    """Lengths of a list, or of one of rows; none if the rows have different ones."""
    rows = {len(row) for row in given if isinstance(row, tuple)}
    return (len(given), *rows) if len(rows) < 2 else ()


def _entries(given: Any) -> Sequence[Any]:
    """All that stands in a list, or in the lists in it; nothing else is looked into."""
    if not isinstance(given, list | tuple):
        return ()
    return [entry for row in given for entry in (_entries(row) if isinstance(row, list | tuple) else (row,))]


def drawn_overlaps(T: Array, students: int, dimension: int, seed: int) -> tuple[Array, Array]:
    """Q and R of standard normal w in N dimensions, independent of teachers with B B^T/N = T.

    The components of w along the teachers, G (K, M), are standard normal, R = G (T/N)^(1/2); what is left has the Wishart law
    with N - M degrees of freedom, drawn by its Cholesky factor (Bartlett 1933): any N costs the same.
    """
    random, teachers = np.random.default_rng(seed), len(T)
    along = random.standard_normal((students, teachers))
    factor = np.tril(random.standard_normal((students, students)), -1)
    factor[np.diag_indices(students)] = np.sqrt(random.chisquare(dimension - teachers - np.arange(students)))
    values, vectors = np.linalg.eigh(T)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    return (along @ along.T + factor @ factor.T) / dimension, along @ root / math.sqrt(dimension)
