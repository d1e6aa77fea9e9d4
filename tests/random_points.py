"""Small problems of every theory at random parameters: what a generic test of theories is tried on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dmft import Problem
from tests.random_problems import series

Keys = dict[str, Any]


def two_layer_flow(random: np.random.Generator) -> Keys:
    """Neurons that are alike, or two groups of them."""
    keys: Keys = {
        "width": float(random.choice([1, 2, 8, 50])),
        "samples_per_parameter": 10 ** random.uniform(-0.5, 0.5),
        "activation": [0.0, random.uniform(0.5, 1.0), *series(random, 2, 0.4)],
        "target": series(random, 3, 0.3),
        "noise": random.uniform(0.1, 1.0),
        "init_scale": random.uniform(0.5, 1.5),
        "alignment": random.uniform(-0.5, 0.5),
    }
    if keys["width"] > 1 and random.random() < 0.3:
        keys["neurons"] = [{"fraction": 0.5, "second_layer": sign} for sign in (1.0, -0.7)]
    return keys


def spherical_pspin(random: np.random.Generator) -> Keys:
    """One power, or a mixture of two."""
    powers = random.choice([2, 3, 4, 6], size=int(random.integers(1, 3)), replace=False)
    return {"couplings": {str(p): 10 ** random.uniform(-1, 0.3) for p in powers}}


def spiked_tensor(random: np.random.Generator) -> Keys:
    """A signal of any strength."""
    return {
        "order": int(random.integers(2, 5)),
        "signal": random.uniform(0.3, 2.0),
        "alignment": random.choice([-1, 1]) * random.uniform(0.1, 0.6),
    }


def random_features(random: np.random.Generator) -> Keys:
    """Learning rates below the bound of each activation."""
    return {
        "hidden_ratio": 10 ** random.uniform(-1, 1),
        "activation": str(random.choice(["erf", "relu", "tanh"])),
        "teacher_output": [float(x) for x in random.normal(size=2)],
        "learning_rate": random.uniform(0.2, 2.0),
        "noise": random.uniform(0.0, 1.0),
    }


def online_sgd(random: np.random.Generator) -> Keys:
    """A random start, with both layers trained or one."""
    return {
        "activation": str(random.choice(["erf", "linear", "relu"])),
        "learning_rate": random.uniform(0.1, 0.5),
        "train_second_layer": bool(random.integers(2)),
        "student_units": int(random.integers(1, 4)),
        "teacher_units": int(random.integers(1, 3)),
        "dimension": 50,
        "seed": int(random.integers(1000)),
        "noise": random.uniform(0.0, 0.5),
        "weight_decay": random.choice([0.0, 0.05]),
    }


def hinge(random: np.random.Generator) -> Keys:
    """An infinite data set, a mirrored one, or a population of nodes."""
    keys: Keys = {
        "laziness": 10 ** random.uniform(-1, 1),
        "threshold": random.uniform(0.5, 2.0),
        "output_variance": random.uniform(0.1, 1.0),
    }
    kind = int(random.integers(3))
    if kind:
        keys |= {"samples": 10, "dimension": 3, "seed": int(random.integers(1000))}
    return keys | ({"mirrored": False, "population": 12} if kind == 2 else {})


POINTS: dict[str, Callable[[np.random.Generator], Keys]] = {
    "two-layer-flow": two_layer_flow,
    "spherical-pspin": spherical_pspin,
    "spiked-tensor": spiked_tensor,
    "random-features": random_features,
    "online-sgd": online_sgd,
    "hinge": hinge,
}


def point(model: str, seed: int, index: int, **solver: Any) -> Problem:
    """The problem of a theory with an index, for one seed."""
    random = np.random.default_rng([seed, index, len(model)])
    return Problem(problem={"model": model, **POINTS[model](random)}, solver={"t_max": 3.0, "tolerance": 1e-4, **solver})
