"""Channels as blocks over (node, group): a made-up theory with a 2 x 2 channel, against dense matrices and from end to end."""

from dataclasses import dataclass, field

import h5py
import numpy as np
import pytest

from dmft import Problem, Solution, solve
from dmft.engines.nodes import matrices, overlaps
from dmft.history.fields import TWO_TIME, Field
from dmft.mathematics.tableau import radau
from dmft.models.protocol import Channels, Forces, Rows, Start
from dmft.problem import registry
from dmft.problem.description import Citation, Curve, Curves, Description, Quantity
from dmft.problem.parameters import Parameters
from tests.comparison import assert_same, datasets

SHOWN = Description(
    title=("coupled groups",),
    observables={
        "length": Quantity("1", "C(t,t) of each group", "length", ("group",)),
        "tilt": Quantity("1", "overlaps with the directions", "tilt", ("group", "direction")),
        "mean": Quantity("1", "mean correlation with the start", "mean"),
        "scalar": Quantity("1", "a one-time function with a rate, for each group", "scalar", ("group",)),
    },
    kernels={
        "C": Quantity("1", "correlation of the groups", "$C$", ("group", "other_group")),
        "R": Quantity("1/time unit", "response of the groups", "$R$", ("group", "other_group")),
    },
    summary=("mean",),
    swept=("mean",),
    citations=(Citation("a test", "@misc{nobody,\n}"),),
)
G = 2
COUPLING = np.array([[0.6, -0.4], [0.3, 0.5]])
PULL = np.array([[[0.5, -0.2]], [[0.1, 0.3]]])


@dataclass(frozen=True)
class Coupled:
    """M = (coupling x tanh C) R - R/2, D = (1 + tanh C/2)/5, b constant; a 2 x 2 channel, and scalar ones apart from it."""

    directions: int
    constrained: bool
    alone: bool = False
    observables: dict = field(default_factory=lambda: SHOWN.observable_fields({"group": G, "direction": 2}))

    scalars = ("scalar",)
    fields = (Field("squares", TWO_TIME, symmetric=True), Field("total", ("time", "group"), {"group": G}))
    observable_sizes = {}
    kinks = frozenset()
    energy = ""
    response_kernels = ("R",)

    @property
    def constraints(self):
        return ("first", "second") if self.constrained else ()

    @property
    def channels(self):
        pair = Channels(np.ones((1, G)) if self.alone else np.array([[0.7, 0.4]]), np.ones((1, G)), np.array([[0, 1]]))
        others = Channels(np.array([[0.3], [0.2], [0.4]]), np.ones((3, 1)), np.array([[0], [1], [1]]), "_others")
        return (pair,) if self.alone else (pair, others)

    def start(self):
        C = [np.array([[[1.0, 0.3], [0.3, 1.0]]]), np.ones((3, 1, 1))]
        v = np.array([[0.2, -0.1], [0.0, 0.3]])[: self.directions]
        return Start(tuple(C[: len(self.channels)]), v, np.array([1.0, 2.0]))

    def forces(self, history, rows: Rows, known=None):
        nodes = rows.C[0].shape[1] // G
        total = rows.C[0].shape[2] // G
        M = [(np.tile(COUPLING, (nodes, total)) * np.tanh(C) - 0.5) * R for C, R in zip(rows.C[:1], rows.R[:1], strict=True)]
        M += [(0.3 * np.tanh(C) - 0.5) * R for C, R in zip(rows.C[1:], rows.R[1:], strict=True)]
        D = [0.2 + 0.1 * np.tanh(C) for C in rows.C]
        drift = np.tile(PULL[: self.directions, 0], (1, nodes))
        squares = rows.C[0][0, ::G, ::G] ** 2
        values = {"total": rows.scalars.T.copy()}
        return Forces(tuple(M), tuple(D), drift, -rows.scalars, {"squares": squares}, values)

    def observe(self, history, rows: Rows, forces, multiplier):
        """In another order than they are declared in."""
        own = np.diagonal(rows.C[0][0][:, history.n * G :]).reshape(-1, G)
        tilt = np.zeros((len(own), G, 2))
        tilt[:, :, : self.directions] = rows.overlap.reshape(self.directions, len(own), G).transpose(1, 2, 0)
        return {"scalar": rows.scalars.T, "mean": rows.C[0][0, ::G, :G].mean(axis=1), "tilt": tilt, "length": own}

    def kernels(self, history):
        return {name: history[name][0].transpose(0, 2, 1, 3) for name in ("C", "R")}

    def responses(self, history):
        n = history.n
        return {"R": (history["kick"][0], np.tile(np.eye(G), (n, 1, 1)))}


class CoupledParameters(Parameters):
    description = SHOWN
    directions: int = 2
    constrained: bool = True
    alone: bool = False

    @property
    def axes(self):
        return {"group": G, "direction": 2}

    def build(self):
        return Coupled(self.directions, self.constrained, self.alone)

    def panels(self):
        return (Curves((Curve("mean"),), "mean"),)


@pytest.fixture(autouse=True)
def registered():
    with registry.trying("coupled", CoupledParameters):
        yield


VARIANTS = [
    {"directions": 2, "constrained": True},
    {"directions": 1, "constrained": True, "alone": True},
    {"directions": 2, "constrained": False},
    {"directions": 0, "constrained": False, "alone": True},
]


def problem(**keys):
    return Problem(model="coupled", t_max=2.0, tolerance=1e-6, **keys)


def integration(solution):
    """L of all nodes: rows of the tableau inside a cell, its last row for cells before."""
    stages, time = solution.problem.solver.stages, solution.time
    L = np.zeros((len(time), len(time)))
    for first in range(1, len(time), stages):
        cell = slice(first, first + stages)
        step = time[first + stages - 1] - time[first - 1]
        L[cell, cell] = step * radau(stages).A
        L[first + stages :, cell] = step * radau(stages).b
    return L


@pytest.mark.parametrize("keys", VARIANTS)
def test_nodes_obey_the_equations_as_dense_matrices(keys):
    """w = w_0 + L (M - N) w + L (b u + zeta) over all nodes at once: R = P L, C = P [...] P^T with P = (1 - L (M - N))^(-1)."""
    solution = solve(problem(**keys))
    assert solution.complete
    history, model = solution.state.history, solution.problem.parameters.build()
    n, L_1 = history.n, integration(solution)
    C, R = matrices(history, "C", model), matrices(history, "R", model)
    rows = Rows(C, R, overlaps(history, model), history["scalar"].T)
    forces = model.forces(history.before(0), rows)
    start = model.start()
    nu = history["stage_multiplier"].T if keys["constrained"] else np.zeros((n, G))
    for place, stack in enumerate(model.channels):
        width = stack.width
        L = np.kron(L_1, np.eye(width))
        for c in range(stack.count):
            N = np.diag(nu[:, stack.constraint[c]].ravel())
            P = np.linalg.inv(np.eye(n * width) - L @ (forces.M[place][c] - N))
            np.testing.assert_allclose(R[place][c], P @ L, atol=1e-8)
            pulled = np.zeros((n * width, 0)) if place else L @ forces.drift.T
            begun = np.zeros((n * width, 0)) if place or c else np.tile(start.overlap.T, (n, 1))
            both = begun @ pulled.T + pulled @ begun.T + pulled @ pulled.T if (place, c) == (0, 0) else 0.0
            source = np.tile(start.C[place][c], (n, n)) + both + L @ forces.D[place][c] @ L.T
            np.testing.assert_allclose(C[place][c], P @ source @ P.T, atol=1e-8)
            if (place, c) == (0, 0):
                np.testing.assert_allclose(rows.overlap.T, P @ (begun + pulled), atol=1e-8)
    assert np.abs(C[0] - C[0].transpose(0, 2, 1)).max() < 1e-8
    norms = np.zeros((n, G))
    for X, stack in zip(C, model.channels, strict=True):
        for c in range(stack.count):
            for g in range(stack.width):
                norms[:, stack.constraint[c, g]] += stack.weights[c, g] * np.diag(X[c])[g :: stack.width]
    assert (np.abs(norms - 1).max() < 1e-10) == keys["constrained"]
    np.testing.assert_allclose(history["scalar"], np.exp(-solution.time)[:, None] * [1.0, 2.0], rtol=1e-5)


@pytest.mark.parametrize("keys", VARIANTS)
def test_steps_of_gradient_descent_obey_the_equations(keys):
    """w_{k+1} = (w_k + eta [(M - lambda) w + b u + zeta]_k)/z: explicit steps of whole matrices, one after the other."""
    eta = 0.05
    solution = solve(problem(**keys).replace(scheme="gradient-descent", learning_rate=eta, t_max=1.0))
    history, model = solution.state.history, solution.problem.parameters.build()
    C, R = matrices(history, "C", model), matrices(history, "R", model)
    forces = model.forces(history.before(0), Rows(C, R, overlaps(history, model), history["scalar"].T))
    v = overlaps(history, model)
    for k in range(history.n - 1):
        lengths = np.zeros(G)
        moved = []
        for place, stack in enumerate(model.channels):
            width = stack.width
            now, known = slice(k * width, (k + 1) * width), slice((k + 1) * width)
            M, D = (X[place][:, now, known] for X in (forces.M, forces.D))
            force = M @ C[place][:, known, known] + D @ R[place][:, known, known].transpose(0, 2, 1)
            if place == 0:
                force[0] += forces.drift[:, now].T @ v[:, known]
            moved.append((stack, now, known, force, M @ R[place][:, known, known]))
            own = np.diagonal(force[:, :, now], axis1=1, axis2=2)
            np.add.at(lengths, stack.constraint, stack.weights * own)
        keep = 1 - eta * lengths if keys["constrained"] else np.ones(G)
        z = None
        for place, (stack, now, known, force, pushed) in enumerate(moved):
            width = stack.width
            kept = keep[stack.constraint][:, :, None]
            new_C = kept * C[place][:, now, known] + eta * force
            pushed[:, :, now] += np.eye(width)
            new_R = kept * R[place][:, now, known] + eta * pushed
            after = slice((k + 1) * width, (k + 2) * width)
            ratio = new_C[:, np.arange(width), -width:][:, np.arange(width), np.arange(width)]
            found = C[place][:, after, now][:, np.arange(width), np.arange(width)]
            z = np.ones(G) if z is None else z
            z[stack.constraint] = ratio / found
            scale = z[stack.constraint][:, :, None]
            np.testing.assert_allclose(C[place][:, after, known] * scale, new_C, atol=1e-11)
            np.testing.assert_allclose(R[place][:, after, known] * scale, new_R, atol=1e-11)
        if not keys["constrained"]:
            np.testing.assert_allclose(z, 1.0, atol=1e-11)


@pytest.mark.parametrize("solver", [{}, {"scheme": "gradient-descent", "learning_rate": 0.05}])
def test_arrays_with_further_dimensions_from_end_to_end(solver, tmp_path):
    """Solved, saved, read and continued: bit for bit what an uninterrupted run is."""
    whole = problem().replace(**solver)
    path = tmp_path / "run.h5"
    solve(whole.replace(t_max=1.0), output=path)
    half = Solution.load(path)
    n = len(half.time)
    assert half.observables["length"].shape == (n, G)
    assert half.observables["tilt"].shape == (n, G, 2)
    assert half.kernels["C"].shape == half.kernels["R"].shape == (n, n, G, G)
    np.testing.assert_array_equal(half.kernels["C"][-1, 0], half.state.history["C"][0, -1, :, 0])
    for name, known in solve(whole.replace(t_max=1.0)).observables.items():
        np.testing.assert_array_equal(half.observables[name], known)
    continued, direct = solve(whole, output=path), solve(whole, start=solve(whole.replace(t_max=1.0)))
    continued.save(path)
    direct.save(tmp_path / "direct.h5")
    assert_same(datasets(path), datasets(tmp_path / "direct.h5"))
    with h5py.File(path) as file:
        named = {name: [dim[0].name for dim in file[name].dims] for name in ("kernels/C", "observables/tilt")}
    assert named["kernels/C"] == ["/time", "/time_prime", "/group", "/other_group"]
    assert named["observables/tilt"] == ["/time", "/group", "/direction"]
