"""Description of the theory for users: names, units, labels, figures, citations."""

from __future__ import annotations

import math

from dmft.models.two_layer_flow.written import neurons_as_written, target_as_written
from dmft.problem.description import NETWORK, RATE, Choice, Citation, Description, Picture, Quantity, Slider, System

# Observables and kernels that the Gaussian theory does not have.
OF_REAL_NETWORKS = ("misclassification", "weight_norm", "D_d", "D_o")

DESCRIPTION = Description(
    about="gradient flow and gradient descent of a two-layer network of any width",
    time="time $t$ (unit of the flow)",
    title=(
        "$m = {width}$",
        "$n/(md) = {samples_per_parameter}$",
        "$n/d = {samples_per_dimension}$",
        r"$\sigma$ = {activation}",
        r"$\varphi$ = {target}",
        r"$\tau = {noise}$",
        "{init} start",
        "{neurons}",
    ),
    symbols={"init_scale": r"\gamma", "alignment": "v(0)", "weight_scale": "|w(0)|", "weight_decay": r"\lambda"},
    written={"target": target_as_written, "neurons": neurons_as_written},
    observables={
        "train_error": Quantity(
            "1", "mean loss on the training samples, label noise included; C_F(t,t)/2", "train error", squared=True
        ),
        "test_error": Quantity(
            "1", "mean loss on a fresh sample, label noise included; C0_F(t,t)/2", "test error", squared=True
        ),
        "second_layer": Quantity("1", "a(t), the second-layer weight of every neuron", "second layer  $a$", ("group",)),
        "alignment": Quantity(
            "1",
            "v(t) = <w_i, u>, overlap of a neuron with the signal direction",
            r"alignment  $v=\langle w,u\rangle$",
            ("group", "direction"),
        ),
        "multiplier": Quantity(RATE, "nu(t), which keeps |w_i| = 1", r"multiplier  $\nu$", ("group",), difference=1),
        "neuron_overlap": Quantity(
            "1",
            "C_o(t,t) = <w_i, w_j>, overlap of two neurons",
            "neuron overlap  $C_o(t,t)$",
            ("group", "other_group"),
            difference=1,
        ),
        "memory_of_start": Quantity(
            "1", "C_d(t,0), overlap of a neuron with its initial value", "memory of the start  $C_d(t,0)$", ("group",)
        ),
        "misclassification": Quantity("1", "part of fresh samples on which f has not the sign of y", "misclassification"),
        "weight_norm": Quantity("1", "|w_i(t)|, length of the weights of a neuron", r"length  $|w|$", ("group",)),
        "complexity": Quantity(
            "1", "|a| sqrt(h'(1)/alpha), bound of the Gaussian complexity", r"complexity  $|a|\sqrt{h'(1)/\alpha}$"
        ),
    },
    kernels={
        "C_d": Quantity("1", "<w_i(t), w_i(t')>, correlation of a neuron with itself", "$C_d(t,t')$", ("group",)),
        "C_o": Quantity("1", "<w_i(t), w_j(t')>, correlation of two neurons", "$C_o(t,t')$", ("group", "other_group")),
        "R_d": Quantity(RATE, "response density of a neuron at t to a force on itself at t'", "$R_d(t,t')$", ("group",)),
        "R_o": Quantity(
            RATE, "response density of a neuron at t to a force on another at t'", "$R_o(t,t')$", ("group", "other_group")
        ),
        "D_d": Quantity(
            f"{RATE}^2",
            "correlation of the random forces of the samples on a neuron, at t and at t'",
            "$D_d(t,t')$",
            ("group",),
        ),
        "D_o": Quantity(
            f"{RATE}^2",
            "correlation of the random forces of the samples on two neurons, at t and at t'",
            "$D_o(t,t')$",
            ("group", "other_group"),
        ),
        "C_F": Quantity("1", "correlation of the residual f - y on one training sample", "$C_F(t,t')$"),
        "R_F": Quantity(
            RATE, "response density of that residual to a field added to it, without its delta(t-t')", "$R_F(t,t')$"
        ),
    },
    distributions={
        "residual": Quantity("1", "residual f - y of a training sample", "residual  $f-y$"),
        "margin": Quantity("1", "y f of a training sample with the label y = +1 or -1", "margin  $yf$"),
        "preactivation": Quantity("1", "h = <w_i, x>, preactivation of a training sample", "preactivation  $h$", ("group",)),
        "force": Quantity(
            "1", "g = l'(f, y) a sigma'(h), force of a training sample on a neuron along its input", "force  $g$", ("group",)
        ),
    },
    summary=("train_error", "test_error"),
    swept=("train_error", "alignment"),
    smallest="test_error",
    pictures=(Picture("C_d"), Picture("C_o"), Picture("R_d", decades=True), Picture("C_F", decades=True)),
    systems={
        "network": NETWORK,
        "real-network": System(
            "the network with the activation itself where activation_degree cuts its series", "real network", "real networks"
        ),
        "gaussian": System(
            "the Gaussian fields for which the theory is exact",
            "sample of Gaussian fields",
            "samples of Gaussian fields",
            exact=True,
        ),
    },
    two_time_simulated=True,
    citations=(
        Citation(
            "the equations of the two-layer gradient flow",
            """@inproceedings{montanari2025dynamical,
  author    = {Montanari, Andrea and Urbani, Pierfrancesco},
  title     = {Dynamical Decoupling of Generalization and Overfitting in Large Two-Layer Networks},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2025},
  eprint    = {2502.21269},
  archivePrefix = {arXiv},
}""",
        ),
    ),
    example={
        "problem": {
            "model": "two-layer-flow",
            "width": 10,
            "samples_per_parameter": 1.0,
            "activation": "erf",
            "target": [0.0, 1.0],
            "noise": 0.3,
            "alignment": 0.05,
        },
        "solver": {"t_max": 1000.0},
    },
    controls=(
        Slider("problem.width", "width m", 1, 1e6, decades=True, whole=True, beyond=(math.inf,)),
        Slider("problem.samples_per_parameter", "samples per parameter n/(m d)", 0.05, 20.0, decades=True),
        Slider("problem.noise", "label noise tau", 0.0, 2.0),
        Slider("problem.init_scale", "initial second layer gamma", 0.05, 5.0, decades=True),
        Slider("problem.alignment", "initial alignment v(0)", -0.9, 0.9),
        Choice("problem.init", "initialisation", ("mean-field", "lazy")),
        Choice("problem.train_second_layer", "train the second layer", (True, False)),
        Choice("problem.activation", "activation", ("erf", "tanh", "gelu", "softplus", "silu", "sin")),
        Choice("problem.target", "target", ([0.0, 1.0], [0.0, 0.8, 0.6], [0.0, 0.0, 1.0], "tanh", "none")),
        Slider("solver.t_max", "last time", 1.0, 1e6, decades=True),
    ),
)
