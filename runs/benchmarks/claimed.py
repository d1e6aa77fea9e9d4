"""The claims that `claims.py` checks: where they stand, in which words, and how their numbers are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from dmft import Problem, Solution, solve, sweep
from dmft.mathematics.power_law import power_law
from dmft.models.experiment import Setup, experiment
from dmft.results.crossing import first_crossing
from dmft.sweeps.collect import solutions

RUNS = Path(__file__).parents[1]
QUADRATIC = [0.0, 0.7**0.5, 0.3**0.5]


@dataclass(frozen=True)
class Claim:
    """Words of a file with {} for each number, and what makes the numbers.

    at_most: the numbers are upper bounds.  costly: takes more than a few seconds.
    """

    file: str
    words: str
    made: Callable[[], Iterable[float]]
    at_most: bool = False
    costly: bool = False


@dataclass(frozen=True)
class Unchecked:
    """Words whose numbers take too long to be made here, and the command that prints them."""

    file: str
    words: str
    command: str


@cache
def run(name: str, **keys: float) -> Solution:
    """The solution of a problem file of runs/, after changes."""
    return solve(Problem.load(RUNS / f"{name}.toml").replace(**keys))


@cache
def swept(name: str) -> tuple[Solution, ...]:
    """The points of a sweep of runs/, in its order."""
    folder = Path(mkdtemp(prefix="claims-")) / "sweep"
    sweep(RUNS / f"{name}.toml", folder)
    return tuple(solutions(folder))


def width(one: Solution) -> float:
    """Number of neurons."""
    return float(one.problem.tables["problem"]["width"])


@cache
def timescale(m: int, horizon: float = 10.0, tolerance: float = 1e-5) -> Solution:
    """The problem of runs/timescales at one width, to a multiple of m."""
    return solve(
        Problem(
            width=m, samples_per_parameter=1.0, activation=QUADRATIC, target=[0.0, 1.0], noise=0.3, alignment=0.05,
            t_max=horizon * m, tolerance=tolerance,
        )
    )  # fmt: skip


def largest(solution: Solution, name: str) -> tuple[float, float]:
    """Time and value at which an observable is largest, on a fine grid."""
    times = np.geomspace(1e-2, solution.time[-1], 4000)
    values = np.array([solution.at(min(t, solution.time[-1]))[name] for t in times])
    k = int(np.argmax(values))
    return float(times[k]), float(values[k])


def pspin_limit(name: str) -> tuple[float, float]:
    """Energy and multiplier of a pure p-spin glass at infinite time: fits of 1, t^(-2/3), t^(-4/3) to the last two decades."""
    found = run(name)
    late = found.time > found.time[-1] / 100
    powers = np.vander(found.time[late] ** (-2 / 3), 3, increasing=True)
    energy, multiplier = (
        float(np.linalg.lstsq(powers, found.observables[one][late], rcond=None)[0][0]) for one in ("energy", "multiplier")
    )
    return energy, multiplier


def rotation(alpha: float, left: float = 0.1) -> float:
    """Rotation of the nodes of a hinge network when a fraction of an infinite data set is unsatisfied."""
    found = solve(Problem(model="hinge", laziness=alpha, t_max=1e8))
    return float(np.interp(-np.log(left), -np.log(found.observables["unsatisfied"]), found.observables["rotation"]))


@cache
def hinge_samples(samples: int) -> Solution:
    """A hinge network in 20 dimensions that learns so many examples and their mirror images."""
    return solve(Problem(model="hinge", laziness=1.0, dimension=20, samples=samples, t_max=1e4))


def rise(solution: Solution) -> float:
    """Relative rise of the hinge loss of a fresh example from its minimum to the end, in per cent."""
    best = solution.minimum("generalization_error").value
    return 100 * (float(solution.generalization_error[-1]) / best - 1)


def features(ratio: float, rate: float) -> float:
    """Asymptotic error of random features."""
    keys = {"hidden_ratio": ratio, "learning_rate": rate, "teacher_output": [1.0], "noise": 0.0}
    return float(
        Problem(model="random-features", activation="erf", t_max=1.0, **keys).parameters.constants()["asymptotic_error"]
    )


def excess(units: int, time: float) -> float:
    """Generalization error of online SGD with excess erf units, first layer only, as in runs/online_sgd/long.toml."""
    (found,) = (one for one in swept("online_sgd/long") if one.problem.tables["problem"]["student_units"] == 2 + units)
    return found.at(time)["generalization_error"]


@cache
def ageing(name: str, **keys: float) -> dict[str, float]:
    """Largest error of each observable, in units of the tolerance, against a run at a tenth of it."""
    refined = run(name, tolerance=1e-5, stages=8, **keys)
    coarse = run(name, **keys)
    return {observable: error / coarse.problem.solver.tolerance for observable, error in coarse.errors(refined).items()}


def exponent(values: Callable[[Solution], float], name: str, wide: float) -> tuple[float, float]:
    """Power of m with which something grows over the wide networks of a sweep, and its standard error."""
    chosen = [one for one in swept(name) if width(one) >= wide]
    law = power_law([width(one) for one in chosen], [values(one) for one in chosen])
    return law.exponent, law.error


def compared(near: float) -> list[float]:
    """Test error, train error and alignment of runs/theory_vs_simulation at the time of its simulation nearest to this one."""
    problem = Problem.load(RUNS / f"{COMPARED}.toml")
    times = experiment(problem, Setup(dim=200)).times()
    found = run(COMPARED).at(min(float(times[np.argmin(np.abs(times - near))]), problem.solver.t_max))
    return [found[name] for name in ("test_error", "train_error", "alignment")]


PSPIN_TIMES = (1.0, 10.0, 1e2, 1e3, 1e4, 1e5)
SAMPLES = (20, 80, 320, 1280)
COMPARED = "theory_vs_simulation/problem"


def final_loss(samples: int) -> float:
    """Hinge loss of a fresh example at the end."""
    return float(hinge_samples(samples).generalization_error[-1])


def all_final_losses() -> list[float]:
    """Hinge loss of a fresh example at the end, for every number of examples."""
    return [final_loss(samples) for samples in SAMPLES]


def quickstart_minimum() -> list[float]:
    """Time of the smallest test error of the quickstart."""
    return [run("quickstart").early_stopping.time]


def least_squares() -> list[float]:
    """Train and test error at the end."""
    found = run("least_squares")
    return [float(found.train_error[-1]), float(found.test_error[-1])]


def networks(time: str, *quoted: str) -> Claim:
    """A row of the table of theory beside trained networks: the theory's three numbers."""
    return Claim(
        "docs/simulation.md", f"| {time} | " + " | ".join(f"{{}} | {one}" for one in quoted), lambda: compared(float(time))
    )


def half_of_the_fall(lazy: Solution) -> float:
    """Time at which the test error of a lazy start has done half of its fall."""
    widest = swept("timescales/lazy")[-1]
    return first_crossing(lazy, "test_error", (float(widest.test_error[0]) + widest.early_stopping.value) / 2)


def left_over(found: Solution) -> float:
    """Train error at infinite time, from three decades whose remainder is a power of t."""
    early, middle, late = (found.at(t)["train_error"] for t in (1e4, 1e5, 1e6))
    return late - (late - middle) ** 2 / ((late - middle) - (middle - early))


def cube_law() -> list[float]:
    """Exponent of the train error left above one sample per parameter, up to 1.1 of them, and its error, for both widths."""
    ratios = np.array(
        [float(one.problem.tables["problem"]["samples_per_parameter"]) for one in swept("phase_diagram/near_threshold")]
    )
    errors = np.array([left_over(one) for one in swept("phase_diagram/near_threshold")])
    laws = []
    for m in (10, 100):
        near = np.array([width(one) == m for one in swept("phase_diagram/near_threshold")]) & (ratios < 1.105)
        laws.append(power_law(ratios[near] - 1, errors[near]))
    return [number for law in laws for number in (law.exponent, law.error)]


@cache
def noise(m: int, start: str = "mean-field", scale: float = 1.0) -> Solution:
    """Pure noise as in runs/pure_noise, at one width."""
    return solve(
        Problem(
            width=m, samples_per_parameter=0.5, activation="tanh", target="none", noise=1.0, init=start, init_scale=scale,
            t_max=100.0 * m, tolerance=1e-4,
        )
    )  # fmt: skip


def halved(*widths: int) -> list[float]:
    """Times at which mean-field starts have halved the train error of pure noise."""
    return [first_crossing(noise(m), "train_error", 0.25) for m in widths]


def noise_exponent(widths: tuple[int, ...]) -> tuple[float, float]:
    """Power of m with which that time grows, and its standard error."""
    law = power_law(widths, halved(*widths))
    return law.exponent, law.error


def lazy_noise(name: str, *scales: float) -> list[float]:
    """Last values of an observable from lazy starts of these scales at m = 1000."""
    return [float(noise(1000, "lazy", scale).observables[name][-1]) for scale in scales]


def both_signs(name: str, m: int) -> Solution:
    """The network of this width of one sweep of runs/signs."""
    (found,) = (one for one in swept(f"signs/{name}") if width(one) == m)
    return found


def worse(found: Solution) -> float:
    """Test error at the end over its smallest value."""
    return float(found.test_error[-1]) / found.early_stopping.value


SIGNS = "runs/signs/README.md"
README, SIMULATION, HINGE = "README.md", "docs/simulation.md", "runs/hinge/README.md"
EXACT, SGD = "docs/exact-theory.md", "runs/sgd/README.md"
SCALES = "runs/timescales/README.md"
NOISE, NEAR = "runs/pure_noise/README.md", "runs/phase_diagram/README.md"
VERSUS = "runs/theory_vs_simulation/README.md"

# fmt: off
CLAIMS: list[Claim] = [
    Claim(README, "the test error is smallest at t = {}, long", quickstart_minimum),
    Claim("docs/first-run.md", "is smallest near $t = {}$", quickstart_minimum),
    Claim("docs/first-run.md", "largest near $t = {}$", lambda: [largest(run("quickstart"), "alignment")[0]]),
    Claim("runs/README.md", "test error smallest at t = {}, long", quickstart_minimum),
    Claim("runs/README.md", "| train {}, test {} |", least_squares),
    Claim("docs/trust.md", "expected at train {} and test {}:", least_squares),
    Claim("runs/README.md", "extrapolates E = {}, nu = {}", lambda: pspin_limit("pspin/p3"), costly=True),
    Claim("docs/pspin.md", "extrapolates to $E={}$ and $\\nu={}$", lambda: pspin_limit("pspin/p3"), costly=True),
    Claim("docs/pspin.md", "is ${}$, ${}$, ${}$, ${}$, ${}$, ${}$.",
          lambda: [run("pspin/p3").at(t)["energy"] for t in PSPIN_TIMES], costly=True),
    Claim("runs/README.md", "nu is {} from 2 sqrt(f''(1)) = 6 at t = 1e5, at E = {}",
          lambda: [6 - run("pspin/mixed").multiplier[-1], run("pspin/mixed").energy[-1]], costly=True),
    Claim("runs/README.md", "train stuck near {};", lambda: [run("long_times/glassy", t_max=1e5).train_error[-1]], costly=True),
    Claim(VERSUS, "rises to {} at t = {} and falls to {};",
          lambda: [*largest(run(COMPARED), "alignment")[::-1], run(COMPARED).alignment[-1]]),
    Claim(VERSUS, "is smallest, {}, near t = {} and rises to {};",
          lambda: [run(COMPARED).early_stopping.value, run(COMPARED).early_stopping.time, run(COMPARED).test_error[-1]]),
    Claim(VERSUS, "goes to {} while |a| grows from {} to {}.",
          lambda: [run(COMPARED).train_error[-1], run(COMPARED).second_layer[0], run(COMPARED).second_layer[-1]]),
    networks("0.888", "0.3705 ± 0.0017", "0.3512 ± 0.0025", "0.4617 ± 0.0028"),
    networks("5.51", "0.1542 ± 0.0005", "0.1333 ± 0.0009", "0.8529 ± 0.0023"),
    networks("44.3", "0.1398 ± 0.0003", "0.0717 ± 0.0008", "0.5617 ± 0.0022"),
    networks("600", "0.1741 ± 0.0004", "0.0098 ± 0.0001", "0.2167 ± 0.0015"),
    Claim(HINGE, "turned by g = {} at alpha = 0.01 and by {} at alpha = 100", lambda: [rotation(0.01), rotation(100.0)]),
    Claim(HINGE, "example at {}, {}, {}, {} for P = 20, 80, 320, 1280, with", all_final_losses, costly=True),
    Claim(HINGE, "with {}, {}, {}, {} per cent misclassified",
          lambda: [100 * hinge_samples(samples).observables["misclassified"][-1] for samples in SAMPLES], costly=True),
    Claim(HINGE, "for P = 320 it rises by {} per cent from its minimum at t = {}.",
          lambda: [rise(hinge_samples(320)), hinge_samples(320).minimum("generalization_error").time], costly=True),
    Claim("docs/hinge.md", "with mirror images at {}, {}, {}, {}.", all_final_losses, costly=True),
    Claim("runs/online_sgd/README.md", "at t = 10⁸ it is {} for L = 2 and {} for L = 0, {} for L = 3 and {} for L = 1",
          lambda: [excess(units, 1e8) for units in (2, 0, 3, 1)], costly=True),
    Claim("docs/long-times.md", "which goes to zero, was within {} tolerances",
          lambda: [ageing("long_times/pure_noise")["multiplier"]], at_most=True, costly=True),
    Claim("docs/long-times.md", "the overlap $C_o(t,t)$ was off by {} tolerances",
          lambda: [ageing("long_times/glassy", t_max=1e5)["neuron_overlap"]], costly=True),
    Claim(SCALES, "test error is {}, {}, {}, {}, 0.0854", lambda: [timescale(m).test_error[-1] for m in (10, 30, 100, 300)]),
    Claim(SCALES, "0.0928, {}, {} and {} for",
          lambda: [timescale(m).test_error[-1] for m in (1000, 10_000, 100_000)], costly=True),
    Claim(SCALES, "t/m = {}, {}, {}, 0.30", lambda: [timescale(m).early_stopping.time / m for m in (10, 100, 1000)]),
    Claim(SCALES, "p = {} +- {}, slower",
          lambda: exponent(lambda one: one.early_stopping.time, "timescales/sweep", 1000), costly=True),
    Claim(SCALES, "p = {} +- {}: this is", lambda: exponent(half_of_the_fall, "timescales/lazy", 1000), costly=True),
    Claim(NEAR, "p = {} +- {} at m = 10 and {} +- {} at m = 100", cube_law, costly=True),
    Claim(NOISE, "halved at t = {}, {}, {}, 736, 2416 and 2.37e4 for", lambda: halved(10, 30, 100)),
    Claim(NOISE, "halved at t = 17.4, 71.5, 247, {}, {} and {} for", lambda: halved(300, 1000, 10_000), costly=True),
    Claim(NOISE, "p = {} +- {} (standard", lambda: noise_exponent((100, 300, 1000, 10_000)), costly=True),
    Claim(NOISE, "end at {} for m = 10 and at 2.79", lambda: [noise(10).complexity[-1]]),
    Claim(NOISE, "all end at the same complexity: {}, {}, {} and {} at m = 1000",
          lambda: lazy_noise("complexity", 0.03, 0.1, 0.3, 1.0), costly=True),
    Claim(NOISE, "2.89 ends at {} and 9.64 at {}.", lambda: lazy_noise("complexity", 3.0, 10.0), costly=True),
    Claim(NOISE, "remembers C_d(t,0) = {} of", lambda: lazy_noise("memory_of_start", 10.0), costly=True),
    Claim(NOISE, "test error of {} instead of {}.", lambda: lazy_noise("test_error", 10.0, 0.03), costly=True),
    Claim(SIGNS, "test error is {} instead of {} at m = 10, and {} instead of {} at m = 100.",
          lambda: [both_signs(name, m).early_stopping.value for m in (10, 100) for name in ("signs", "equal")], costly=True),
    Claim(SIGNS, "by a factor of {} (m = 10) and {} (m = 100) after its minimum, against {} and {} with",
          lambda: [worse(both_signs(name, m)) for name in ("signs", "equal") for m in (10, 100)], costly=True),
    Claim(SIGNS, "the smaller one, {} against {} and {} against {}.",
          lambda: [both_signs(name, m).test_error[-1] for m in (10, 100) for name in ("signs", "equal")], costly=True),
    Claim("runs/random_features/README.md", "for {} at K = 2N, eta = 4.5", lambda: [features(2.0, 4.5)]),
]
UNCHECKED: list[Unchecked] = [
    Unchecked(README, "nothing deviates by more than {} standard errors", "python runs/benchmarks/agreement.py FOLDER"),
    Unchecked(SIMULATION, "nothing deviates by more than {} standard errors, and in the limit nothing by more than {}.",
              "python runs/benchmarks/agreement.py FOLDER"),
    Unchecked(HINGE, "M^({}) in 5 dimensions and M^({}) in 20, with errors of the fit of {} and {}",
              "python runs/hinge/draw.py laziness samples FIGURE.png"),
    Unchecked(EXACT, "deviates from the theory by more than {} combined standard errors",
              "python runs/benchmarks/exact_agreement.py FOLDER"),
    Unchecked(EXACT, "tanh, m = 2, cubic target | Gaussian | {} | {} | {} | | | exact | {} | {} | {} |",
              "python runs/benchmarks/exact_agreement.py FOLDER"),
    Unchecked(EXACT, "softplus, m = 1 | Gaussian | {} | {} | {} | | | exact | {} | {} | {} |",
              "python runs/benchmarks/exact_agreement.py FOLDER"),
    Unchecked(EXACT, "quadratic, m = 1, its own target | Gaussian | {} | {} | {} | | | exact | {} | {} | {} |",
              "python runs/benchmarks/exact_agreement.py FOLDER"),
    Unchecked(SGD, "whether they have found it yet: {} ± {} with all samples, {} ± {}",
              "python runs/sgd/draw.py FOLDER FIGURE.png"),
    Unchecked(SGD, "smallest at t = {}, {}, {} and {} for batches of", "python runs/sgd/draw.py FOLDER FIGURE.png"),
    Unchecked(SGD, "the excess is a power {} ± {} of", "python runs/sgd/draw.py FOLDER FIGURE.png"),
    Unchecked(EXACT, "each known to a factor of {}.", "python runs/benchmarks/monte_carlo.py 1024 24"),
    Unchecked(EXACT, "t = 30, each known to a factor of {} from", "python runs/benchmarks/equal_cost.py 1024 32 1 10 30"),
    Unchecked(EXACT, "two ranks are {} times as fast", "mpiexec -n 2 python runs/benchmarks/ranks.py"),
    Unchecked("runs/two_directions/README.md", "Half of it is learned between t = {} and {}, for",
              "python runs/two_directions/draw.py directions FIGURE.png"),
    Unchecked("runs/two_directions/README.md", "learned {} ± {} and {} ± {} at the end, where the theory has {} and {}.",
              "python runs/two_directions/draw.py directions FIGURE.png"),
    Unchecked("runs/specialisation/README.md", "specialises later by {} to {} time units",
              "python runs/specialisation/draw.py specialisation FIGURE.png"),
    Unchecked(HINGE, "approach the theory as M^({}), M^({}), M^({}) in 5, 20, 40 dimensions",
              "python runs/hinge/one_sided.py samples one_sided FIGURE.png"),
]
# fmt: on
