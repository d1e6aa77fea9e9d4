"""The keys of problem files as type checkers see them, so that a misspelt one is a type error: `problem.widht`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

Numbers = tuple[float, ...]
Rows = tuple[Numbers, ...]


class Keys:
    """Keys of the theories that come with this package, of [solver] and of [output]; those of others: `problem.parameters`."""

    __slots__ = ()

    if TYPE_CHECKING:
        model: str
        # [problem]
        activation: str | Numbers
        activation_degree: int | None
        alignment: float | Numbers
        constraint: Literal["sphere", "none"]
        couplings: dict[str, float]
        cross_overlap: Rows | None
        dimension: int | None
        flips: float
        hidden_ratio: float
        init: Literal["mean-field", "lazy"]
        init_scale: float
        labels: Literal["real", "sign"]
        laziness: float
        loss: Literal["square", "logistic", "hinge", "huber"]
        loss_width: float | None
        mirrored: bool
        neurons: tuple[Any, ...] | None
        noise: float
        output_variance: float
        population: int | None
        samples_per_dimension: float | None
        samples_per_parameter: float | None
        second_layer_learning_rate: float | None
        student_output: Numbers | None
        student_overlap: Rows | None
        student_units: int | None
        target: str | Numbers | dict[str, Any]
        teacher_output: Numbers | None
        teacher_overlap: Rows | None
        teacher_units: int | None
        threshold: float
        train_second_layer: bool
        units: int
        weight_decay: float
        weight_scale: float | None
        weight_variance: float
        width: float
        # [solver], and of some theories [problem]
        batch: float
        batch_time: float
        kink_width: float | None
        learning_rate: float | None
        max_iterations: int
        max_nodes: int
        momentum: float
        nesterov: bool
        replicates: int | None
        samples: float | None
        scheme: Literal["radau", "gradient-descent"]
        seed: int | None
        smallest_step: float
        stages: int
        t_max: float
        theory: Literal["gaussian", "exact"]
        tolerance: float
        # [output]
        distributions: Numbers | None
