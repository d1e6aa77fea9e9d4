"""Online SGD and random features against finite networks of growing dimension: how the difference shrinks.

Prints a Markdown table for each problem: the root mean square over seeds and times of what a single run deviates by from the
theory, and of what the mean over seeds does, both relative to the theory, and the largest deviation of the mean in standard
errors; then the same of the asymptotic error of random features, which follows from the covariances of each drawn network
without SGD.  A quarter of an hour on one core; simulations are kept in FOLDER, so that the same command goes on.

Run: python runs/benchmarks/finite_sizes.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np

from dmft import Problem, simulate, solve
from dmft.models.random_features.parameters import RandomFeaturesParameters
from dmft.models.random_features.simulation import Network
from dmft.simulation.compare import compare

STUDENT = {"model": "online-sgd", "learning_rate": 0.4, "noise": 0.1, "train_second_layer": True, "t_max": 20.0}
DRAWN = {"student_units": 3, "teacher_units": 2, "dimension": 100, "seed": 1}
FEATURES = {"model": "random-features", "teacher_output": (1.0, 0.5), "noise": 0.3, "t_max": 20.0}
# Problems, dimensions and seeds: many where the law of the errors is skewed.
PROBLEMS = {
    "Online SGD, erf": (Problem(activation="erf", **STUDENT, **DRAWN), (500, 1000, 2000), 16),
    "Online SGD, ReLU": (Problem(activation="relu", **STUDENT, **DRAWN), (500, 1000, 2000), 16),
    "Random features, erf": (Problem(activation="erf", hidden_ratio=2.0, learning_rate=1.5, **FEATURES), (200, 400, 800), 24),
    "Random features, ReLU": (Problem(activation="relu", hidden_ratio=0.5, learning_rate=1.0, **FEATURES), (200, 400, 800), 96),
}
NETWORKS, DIMENSIONS = 256, (100, 200, 400, 800)


def root_mean_square(values: np.ndarray) -> float:
    """Over all entries."""
    return float(np.sqrt(np.mean(values**2)))


def print_trajectories(folder: Path, name: str, problem: Problem, dims: tuple[int, ...], seeds: int) -> None:
    """Table of one problem."""
    theory = solve(problem)
    print(f"\n{name}, {seeds} seeds\n\n| N | a run deviates by | the mean by | largest z |\n|---|---|---|---|")
    for dim in dims:
        path = folder / f"{name.replace(', ', '-').replace(' ', '-')}-{dim}.h5"
        found = simulate(problem, dim=dim, seeds=seeds, times=20, output=path)
        expected = np.array([theory.at(t)["generalization_error"] for t in found.time[1:]])
        relative = found.trajectories["generalization_error"][:, 1:] / expected - 1
        z = compare(theory, [found]).observables["generalization_error"]
        single, mean = root_mean_square(relative), root_mean_square(relative.mean(axis=0))
        print(f"| {dim} | {single:.2%} | {mean:.2%} | {z.z[z.worst]:.1f} |", flush=True)


def print_asymptotic(name: str, problem: Problem) -> None:
    """Table of the least error that the features of a drawn network leave."""
    parameters = problem.parameters
    assert isinstance(parameters, RandomFeaturesParameters)
    least = parameters.build().residual_error
    print(
        f"\n{name}: least error of drawn networks, over the theory\n\n| N | networks | mean - 1 | spread |\n|---|---|---|---|"
    )
    for dim in DIMENSIONS:
        number = NETWORKS * DIMENSIONS[0] // dim
        found = np.empty(number)
        for seed in range(number):
            phi, psi, square = Network.drawn(parameters, dim, np.random.default_rng((seed, dim))).covariances()
            found[seed] = (square - psi @ np.linalg.solve(phi, psi)) / 2 / least - 1
        spread = found.std(ddof=1)
        print(f"| {dim} | {number} | {found.mean():.2%} ± {spread / np.sqrt(number):.2%} | {spread:.2%} |", flush=True)


if __name__ == "__main__":
    kept = Path(sys.argv[1])
    kept.mkdir(exist_ok=True)
    for title, problem_and_sizes in PROBLEMS.items():
        print_trajectories(kept, title, *problem_and_sizes)
    for title, (asked, _, _) in PROBLEMS.items():
        if asked.parameters.model == "random-features":
            print_asymptotic(title, asked)
