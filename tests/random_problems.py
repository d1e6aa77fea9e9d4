"""Problems drawn at random, of the theories of two-time equations: nothing that the program was tuned to."""

import numpy as np

from dmft import Problem


def series(random: np.random.Generator, terms: int, decay: float) -> list[float]:
    """Coefficients of a decaying Hermite series."""
    return [float(x) for x in random.normal(size=terms) * np.exp(-decay * np.arange(terms))]


def network(random: np.random.Generator, **keys) -> Problem:
    """A two-layer network of any width."""
    target = "none" if random.random() < 0.2 else series(random, int(random.integers(2, 6)), 0.3)
    drawn = {
        "width": float(random.choice([2, 3, 10, 100, 1e4, np.inf])),
        "samples_per_parameter": 10 ** random.uniform(-1, 1),
        "activation": series(random, int(random.integers(2, 6)), 0.4)
        if random.random() < 0.6
        else random.choice(["erf", "tanh"]),
        "target": target,
        "noise": 1.0 if target == "none" else float(random.choice([0.0, 0.3, 1.0])),
        "init_scale": 10 ** random.uniform(-1, 0.5),
        "alignment": float(random.choice([0.0, random.uniform(-0.5, 0.5)])),
        "t_max": 10 ** random.uniform(1, 3),
    }
    drawn |= keys
    if drawn["width"] == np.inf:
        drawn["samples_per_dimension"] = drawn.pop("samples_per_parameter")
    return Problem(**drawn, tolerance=1e-4)


def single_neuron(random: np.random.Generator) -> Problem:
    """A network of one neuron."""
    return network(random, width=1)


def changing_sign(random: np.random.Generator) -> Problem:
    """A start against the signal, from which the second layer changes its sign."""
    keys = {"width": 10, "activation": "erf", "target": [0, 1.0], "noise": 0.3}
    return network(random, **keys, init_scale=0.3, alignment=-random.uniform(0.1, 0.9))


def groups(random: np.random.Generator, **keys) -> Problem:
    """Two or three groups of neurons of both signs, on a target of one or two directions of degree 2 at most."""
    directions, number = int(random.integers(1, 3)), int(random.integers(2, 4))
    parts = random.multinomial(8 - number, [1 / number] * number) + 1
    infinite = random.random() < 0.3
    neurons = []
    for part in parts:
        v = random.normal(size=directions)
        size = {"fraction": float(part) / 8} if infinite else {"count": 2 * int(part)}
        start = (v * random.uniform(0.0, 0.7) / np.linalg.norm(v)).tolist()
        neurons.append({**size, "second_layer": float(random.normal()), "alignment": start})
    indices = ("1", "2") if directions == 1 else ("1,0", "0,1", "2,0", "1,1", "0,2")
    drawn = {
        "width": np.inf if infinite else 16,
        "target": {index: float(random.normal()) * 0.6 for index in indices},
        "noise": float(random.choice([0.0, 0.3])),
        "neurons": neurons,
        "alignment": 0.0,
        "t_max": 10 ** random.uniform(0.5, 1.5),
        "init": "mean-field" if infinite else str(random.choice(["mean-field", "lazy"])),
        "train_second_layer": bool(random.random() < 0.8),
    }
    return network(random, **drawn | keys)


def glass(random: np.random.Generator) -> Problem:
    """A spherical p-spin mixture."""
    powers = random.choice([2, 3, 4, 6, 8, 12], size=int(random.integers(1, 3)), replace=False)
    couplings = {str(p): 10 ** random.uniform(-1, 0.3) for p in sorted(powers)}
    return Problem(model="spherical-pspin", couplings=couplings, t_max=10 ** random.uniform(1, 3), tolerance=1e-4)


KINDS = {"network": network, "single neuron": single_neuron, "changing sign": changing_sign, "groups": groups, "glass": glass}


def drawn(kind: str, seed: int, index: int) -> Problem:
    """The problem of one kind with an index, for one seed."""
    return KINDS[kind](np.random.default_rng([seed, index, len(kind)]))
