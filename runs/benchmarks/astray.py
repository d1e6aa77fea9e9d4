"""Sets of samples that leave the flow before t = 30, and end a run as `too-noisy`, with corrected responses and without.

Small sets, so that it is seen to happen.  Prints, for each kind of `flow_agreement.py` (by default four of them), how many of
the sets were stopped with T', the responses that agree with Stein's identity, and with the plain mean T.  With 128 samples and
20 seeds about four minutes.

Run: python runs/benchmarks/astray.py [SAMPLES] [SEEDS] [KINDS...]
"""

import sys
from dataclasses import replace
from unittest.mock import patch

from exact_agreement import print_row
from flow_agreement import DATA, kinds

from dmft import Outcome, Problem
from dmft.engines.kinds import equations
from dmft.engines.sampled_flow import SampledFlow
from dmft.models.sampled import SampleSet
from dmft.models.two_layer_flow.exact.stein import Past

SAMPLING = {"theory": "exact", "replicates": 1, "t_max": 30.0}


def stopped(name: str, samples: int, seed: int) -> bool:
    """True if a set leaves the flow; of kinks, at the smallest width."""
    problem = Problem(**{**DATA, **kinds()[name], **SAMPLING})
    model = equations(problem)
    width = min(one.width for one in model.sets)
    flow = SampledFlow(replace(model, sets=(SampleSet(samples, (seed,), width),)), problem.solver)
    for _ in flow:
        pass
    return flow.outcome is Outcome.TOO_NOISY


def main(samples: str = "128", seeds: str = "20", *names: str) -> None:
    """Print the table."""
    size, number = int(samples), int(seeds)
    print_row("activation, n/d, m", "stopped", "with T alone", "of")
    print_row(*["---"] * 4)
    for name in names or ("tanh-1-2", "relu-3-2", "quadratic-3-2", "quadratic-1-1"):
        found = sum(stopped(name, size, seed) for seed in range(number))
        with patch.object(Past, "responses", lambda self, T, g, xi: T):
            plain = sum(stopped(name, size, seed) for seed in range(number))
        print_row(name, found, plain, number)


if __name__ == "__main__":
    main(*sys.argv[1:])
