"""Online stochastic gradient descent of a two-layer student on the output of a two-layer teacher.

Student sum_k v_k g(w_k.x/sqrt N), k = 1 ... K; teacher sum_n A_n g(B_n.x/sqrt N), n = 1 ... M, same g; every step sees a fresh
x ~ N(0, 1_N) and a label with noise of standard deviation sigma.  With Delta = teacher + noise - student,

    w_k += (lr/sqrt N) v_k g'(x_k) Delta x - (wd/N) w_k,      v_k += (lr2/N) g(x_k) Delta - (wd/N) v_k,

time t = steps/N.  As N -> infinity everything follows from Q = w w^T/N, R = w B^T/N, T = B B^T/N, v and A: the fields
x_a = (w_a or B_a).x/sqrt N are Gaussian with covariance C = [[Q, R], [R^T, T]].  With e = (-v, A), a and b over all K + M,
and the averages of `dmft.mathematics.gaussian_integrals`,

    S_in   = sum_a e_a E[g'(x_i) x_n g(x_a)] = sum_a e_a [C_in curvature(i, a) + C_na slopes(i, a)]
    dR_in  = lr v_i S_in - wd R_in
    dQ_ik  = lr (v_i S_ik + v_k S_ki) - 2 wd Q_ik
             + lr^2 v_i v_k [sum_ab e_a e_b four_point(i, k, a, b) + sigma^2 slopes(i, k)]
    dv_i   = lr2 sum_a e_a two_point(i, a) - wd v_i                       if the second layer is trained
    eps_g  = (1/2) sum_ab e_a e_b two_point(a, b)                         against the teacher without noise

Saad & Solla 1995; Goldt, Advani, Saxe, Krzakala & Zdeborova 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dmft.mathematics import differences
from dmft.mathematics.gaussian_integrals import ACTIVATIONS, Averages, averages
from dmft.models.online_sgd.rates import rate, unpacked
from dmft.models.online_sgd.steady_state import SteadyState, steady_state
from dmft.problem.description import Citation, Curve, Curves, Description, Entries, Found, OrderParameter, Panel, Quantity
from dmft.problem.parameters import Parameters, register

Array = NDArray[np.float64]
Vector = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]

# Part by which overlaps are shortened where derivatives of ReLU are taken.
INSIDE = 1e-7
# Natural logarithms of one over the errors of Jacobians: of those for Newton's method, and of those for eigenvalues.
ROUGH, FINE = 14.0, 24.0
# Rates that take as long as one of the former.
FORMULAS = 6.0
# Errors and lengths count as if they had been this part of natural ones at least.
SMALL = 1e-2
# An eigenvalue of a covariance may be negative by rounding: this part of the largest.
ROUNDING = 1e-10
# Keys of the two kinds of a start; those in brackets have defaults.
GIVEN = ("student_overlap", "cross_overlap")
RANDOM = ("student_units", "teacher_units", "dimension")

DESCRIPTION = Description(
    title=(
        "$K = {student_units}$",
        "$M = {teacher_units}$",
        "$g$ = {activation}",
        r"$\eta = {learning_rate}$",
        r"$\sigma = {noise}$",
    ),
    observables={
        "generalization_error": Quantity(
            "1", "mean of (student - teacher)^2/2 on a fresh sample, without label noise", r"generalisation error  $\epsilon_g$"
        ),
        "student_norm": Quantity("1", "tr Q/K, mean of |w_i|^2/N", r"length  $\mathrm{tr}\,Q/K$"),
        "norm_along_teachers": Quantity(
            "1",
            "tr R T^+ R^T/K, the part of it within the span of the teachers",
            r"along teachers  $\mathrm{tr}\,RT^+R^\top/K$",
        ),
    },
    kernels={},
    order_parameters={
        "Q": OrderParameter("1", "w_i.w_k/N, overlaps of the students", "$Q_{ik}$", ("student", "other_student")),
        "R": OrderParameter("1", "w_i.B_n/N, overlaps of students with teachers", "$R_{in}$", ("student", "teacher")),
        "v": OrderParameter("1", "second-layer weights of the student", "$v_i$", ("student",)),
    },
    summary=("generalization_error",),
    swept=("generalization_error", "student_norm"),
    citations=(
        Citation(
            "the equations of online learning in soft committee machines",
            """@article{saad1995online,
  author  = {Saad, David and Solla, Sara A.},
  title   = {On-Line Learning in Soft Committee Machines},
  journal = {Physical Review E},
  volume  = {52},
  number  = {4},
  pages   = {4225--4243},
  year    = {1995},
  doi     = {10.1103/PhysRevE.52.4225},
}""",
        ),
        Citation(
            "both layers, more students than teachers, and the final error",
            """@inproceedings{goldt2019dynamics,
  author    = {Goldt, Sebastian and Advani, Madhu S. and Saxe, Andrew M. and Krzakala, Florent and Zdeborov{\'a}, Lenka},
  title     = {Dynamics of Stochastic Gradient Descent for Two-Layer Neural Networks in the Teacher-Student Setup},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {32},
  year      = {2019},
  eprint    = {1906.08632},
  archivePrefix = {arXiv},
}""",
        ),
    ),
)


@register("online-sgd")
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
        if values[0] < -ROUNDING * max(values[-1], 1e-300):
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

    def panels(self) -> tuple[Panel, ...]:
        """The error, and all overlaps that change."""
        error = Curves((Curve("generalization_error", decades=True),), r"$\epsilon_g$")
        outputs = (Entries("v"),) if self.train_second_layer else ()
        return error, Entries("R"), Entries("Q"), *outputs

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


@dataclass(frozen=True)
class OnlineSGD:
    """The equations in the module docstring; the state y is Q (upper triangle), R, and v if it is trained."""

    activation: str
    Q: Array
    R: Array
    T: Array
    v: Array
    A: Array
    learning_rate: float
    second_layer_learning_rate: float
    noise: float
    weight_decay: float
    train_second_layer: bool

    observables = tuple(DESCRIPTION.observables)

    def start(self) -> Array:
        """The state at t = 0."""
        return self.packed(self.Q, self.R, self.v)

    def packed(self, Q: Array, R: Array, v: Array) -> Array:
        """A state, or sizes of its entries, from arrays."""
        overlaps = [Q[np.triu_indices(len(Q))], R.ravel()]
        return np.concatenate([*overlaps, v] if self.train_second_layer else overlaps)

    def rate(self, time: float, y: Array) -> Array:
        """dy/dt, which does not depend on the time."""
        return self._rate(y, self._back_reaction(y))

    def _rate(self, y: Array, back_reaction: Array) -> Array:
        """dy/dt with this sum of four-point functions."""
        C, e = self._fields(y)
        return rate(y, C, e, self._averages.pairs(C, len(self.v)), back_reaction, self._learning)

    def _back_reaction(self, y: Array) -> Array:
        """sum_ab e_a e_b four_point(i, k, a, b) of one state, (K, K)."""
        found = np.empty((len(self.v), len(self.v)))
        self._averages.back_reaction(*self._fields(y), found)
        return found

    @cached_property
    def observable_sizes(self) -> Mapping[str, float]:
        """Parts of the error without a student and of the length of all units: a perfect student has rounding errors only."""
        null = 0.5 * self.A @ self._averages.pairs(self.T, len(self.A))[0] @ self.A
        length = max(float(np.diag(self.Q).mean()), float(np.diag(self.T).mean()))
        return {"generalization_error": SMALL * null, "student_norm": SMALL * length, "norm_along_teachers": SMALL * length}

    @cached_property
    def _averages(self) -> Averages:
        return averages(self.activation)

    @cached_property
    def _learning(self) -> Array:
        return np.array([self.learning_rate, self.second_layer_learning_rate, self.noise, self.weight_decay])

    @cached_property
    def _pseudoinverse(self) -> Array:
        """T^+."""
        return np.asarray(np.linalg.pinv(self.T, hermitian=True), dtype=float)

    def _fields(self, y: Array) -> tuple[Array, Array]:
        """Covariance C of all fields, and e, of one state."""
        return unpacked(np.ascontiguousarray(y), self.v, self.A, self.T)

    def _error(self, y: Array) -> float:
        """eps_g of one state."""
        C, e = self._fields(y)
        return 0.5 * float(e @ self._averages.pairs(C, len(C))[0] @ e)

    def jacobian(self, time: float, y: Array) -> Array:
        """d rate/dy, to the few digits that Newton's method needs where more cost more."""
        return self._jacobian(y, ROUGH)

    def _jacobian(self, y: Array, digits: float) -> Array:
        """d rate/dy by differences, in steps relative to the sizes of the fields; of four-point functions by formulas if
        there are ones, with errors of exp(-digits).

        For ReLU a little inside of the cone of covariances, on the boundary of which rates have kinks.
        """
        K, M = self.R.shape
        found = {name: values[0] for name, values in self.order_parameters(y[:, None]).items()}
        # A smooth g has a scale of its own, to which small fields are small.
        smooth = 0.0 if self.activation == "relu" else 1.0
        students, teachers = (np.sqrt(np.diag(C) + smooth) for C in (found["Q"], self.T))
        size = self.packed(np.outer(students, students), np.outer(students, teachers), np.maximum(np.abs(found["v"]), 1.0))
        if self.activation == "relu":
            keep = 1.0 - INSIDE
            y = y * self.packed(keep + INSIDE * np.eye(K), np.full((K, M), keep), np.ones(K))
        if self._averages.sensitivity is None:
            return differences.jacobian(lambda y: self.rate(0.0, y), y, size)
        held = self._back_reaction(y)
        J = differences.jacobian(lambda y: self._rate(y, held), y, size)
        J[: K * (K + 1) // 2] += self._diffusion_jacobian(*self._fields(y), digits)
        return J

    def _diffusion_jacobian(self, C: Array, e: Array, digits: float) -> Array:
        """Part of d(dQ/dt)/dy from the sum of four-point functions, (K (K + 1)/2, p)."""
        assert self._averages.sensitivity is not None
        K = len(self.v)
        by_covariance, by_weight = self._averages.sensitivity(C, e, K, digits)
        upper = np.triu_indices(K)
        at = by_covariance[upper]
        parts = [at[:, *upper], at[:, :K, K:].reshape(len(at), -1), -by_weight[upper][:, :K]]
        size = (self.learning_rate**2 * np.outer(e, e))[upper]
        return size[:, None] * np.hstack(parts if self.train_second_layer else parts[:2])

    @property
    def jacobian_cost(self) -> float:
        """In evaluations of `rate`."""
        return len(self.start()) if self._averages.sensitivity is None else FORMULAS

    def steady_state(self, y: Array) -> SteadyState | None:
        """A state at rest near y (p,), if there is one."""
        return steady_state(lambda y: self.rate(0.0, y), lambda y: self._jacobian(y, FINE), y)

    def observe(self, y: Array) -> dict[str, Array]:
        """eps_g, tr Q/K and tr R T^+ R^T/K."""
        found, K = self.order_parameters(y), len(self.v)
        return {
            "generalization_error": np.array([self._error(state) for state in y.T]),
            "student_norm": np.einsum("nkk->n", found["Q"]) / K,
            "norm_along_teachers": np.einsum("nkm,ml,nkl->n", found["R"], self._pseudoinverse, found["R"]) / K,
        }

    def order_parameters(self, y: Array) -> dict[str, Array]:
        """Q (n, K, K), R (n, K, M) and v (n, K)."""
        states = np.ascontiguousarray(y.T)
        K, M = self.R.shape
        Q = np.empty((len(states), K, K))
        upper = np.triu_indices(K)
        for rows, columns in (upper, upper[::-1]):
            Q[:, rows, columns] = states[:, : len(upper[0])]
        R = states[:, len(upper[0]) :][:, : K * M].reshape(-1, K, M)
        v = states[:, -K:] if self.train_second_layer else np.repeat(self.v[None], len(states), axis=0)
        return {"Q": Q, "R": R.copy(), "v": v.copy()}
