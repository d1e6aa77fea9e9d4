"""Draw every figure of the README, of docs/ and of runs/ again: the commands of each, in the order in which they run.

Sweeps, runs and simulations are kept in FOLDER, so that the same command goes on where it was stopped.

Run: python runs/draw_all.py FOLDER              (all: about twenty minutes on one core, and two more for the race)
     python runs/draw_all.py FOLDER timescales   (some of them)
"""

import json
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def sweeps(folder: str, *names: str) -> list[str]:
    """Commands that solve and collect sweeps of runs/FOLDER."""
    commands = [
        (f"dmft sweep runs/{folder}/{name}.toml -o {{work}}/{folder}-{name}", f"dmft collect {{work}}/{folder}-{name}")
        for name in names
    ]
    return [command for pair in commands for command in pair]


def solved(file: str, figure: str) -> list[str]:
    """Commands that solve a problem file and draw its standard figure."""
    run = f"{{work}}/{Path(file).stem}.h5"
    return [f"dmft solve {file} -o {run}", f"dmft plot {run} -o {figure} --force"]


FIGURES: dict[str, list[str]] = {
    "quickstart": solved("runs/quickstart.toml", "docs/figures/quickstart.png"),
    "pspin": solved("runs/pspin/p3.toml", "docs/figures/pspin.png"),
    "online_sgd_run": solved("runs/online_sgd/case_a.toml", "docs/figures/online-sgd-run.png"),
    "theory_vs_simulation": [
        "dmft solve runs/theory_vs_simulation/problem.toml -o {work}/versus.h5",
        "dmft simulate runs/theory_vs_simulation/problem.toml -o {work}/versus-sim.h5 --dim 200 --seeds 8",
        "runs/theory_vs_simulation/draw.py {work}/versus.h5 {work}/versus-sim.h5 runs/theory_vs_simulation/figure.png",
    ],
    "timescales": [
        *sweeps("timescales", "sweep", "lazy"),
        "runs/timescales/draw.py {work}/timescales-sweep {work}/timescales-lazy runs/timescales/figure.png",
    ],
    "pure_noise": [
        *sweeps("pure_noise", "mean_field", "lazy"),
        "runs/pure_noise/draw.py {work}/pure_noise-mean_field {work}/pure_noise-lazy runs/pure_noise/figure.png",
    ],
    "phase_diagram": [
        *sweeps("phase_diagram", "trained", "fixed", "near_threshold"),
        "runs/phase_diagram/draw.py {work}/phase_diagram-trained/sweep.h5 {work}/phase_diagram-fixed/sweep.h5"
        " runs/phase_diagram/figure.png",
        "runs/phase_diagram/near_threshold.py {work}/phase_diagram-near_threshold/sweep.h5"
        " runs/phase_diagram/near_threshold.png",
    ],
    "online_sgd": [
        *sweeps("online_sgd", "sweep", "long"),
        "runs/online_sgd/draw.py {work}/online_sgd-sweep {work}/online_sgd-long runs/online_sgd/figure.png",
    ],
    "random_features": [
        *sweeps("random_features", "sweep"),
        "runs/random_features/draw.py {work}/random_features-sweep runs/random_features/figure.png",
    ],
    "hinge": [
        *sweeps("hinge", "laziness", "samples", "one_sided"),
        "runs/hinge/draw.py {work}/hinge-laziness {work}/hinge-samples runs/hinge/figure.png",
        "runs/hinge/one_sided.py {work}/hinge-samples {work}/hinge-one_sided runs/hinge/one_sided.png",
    ],
    "exact": [
        "runs/exact/agreement.py {work}/exact tanh tanh-hard",
        "runs/exact/draw.py {work}/exact runs/exact/figure.png",
        "runs/exact/residuals.py {work}/exact/tanh-hard.h5 runs/exact/residuals.png",
    ],
    "signs": [
        *sweeps("signs", "equal", "signs"),
        "runs/signs/draw.py {work}/signs-equal {work}/signs-signs runs/signs/figure.png",
    ],
    "two_directions": [
        *sweeps("two_directions", "sweep"),
        "runs/two_directions/draw.py {work}/two_directions-sweep runs/two_directions/figure.png {work}/networks",
        "runs/two_directions/neurons.py runs/two_directions/sweep.toml runs/two_directions/neurons.png {work}/neurons",
    ],
    "specialisation": [
        *sweeps("specialisation", "sweep"),
        "runs/specialisation/draw.py {work}/specialisation-sweep runs/specialisation/figure.png",
    ],
    "sgd": ["runs/sgd/draw.py {work}/sgd runs/sgd/figure.png"],
    "explore": ["runs/explore/picture.py docs/figures/explore.png"],
    "long_times": ["runs/benchmarks/long_times.py docs/figures/long_times.png"],
    # Writes docs/figures/race.png and its tables.
    "race": ["runs/benchmarks/race.py --write"],
}
# Figures that a program writes without being told where.
WRITTEN = {"race": ["docs/figures/race.png"]}
TITLES = {
    "quickstart": "Quickstart: learning, overfitting, unlearning",
    "pspin": "Ageing of a 3-spin glass",
    "online_sgd_run": "The plateau of online SGD",
    "theory_vs_simulation": "Theory against trained networks",
    "timescales": "Three time scales",
    "pure_noise": "Learning noise by heart",
    "phase_diagram": "Phase diagram, and the law close to the threshold",
    "online_sgd": "Excess units in online SGD",
    "random_features": "Random features",
    "hinge": "Hinge loss, with mirror images and without",
    "exact": "What the Gaussian approximation costs",
    "sgd": "SGD in real networks: phase retrieval, and the noise of a classifier",
    "signs": "Neurons of both signs",
    "two_directions": "Two directions: which one is learned when",
    "specialisation": "Specialisation of two halves",
    "explore": "dmft explore",
    "long_times": "The cost of long times",
    "race": "Error against CPU time",
}
SECONDS = ROOT / "runs" / "seconds.json"
COPIES = {
    "runs/hinge/figure.png": "docs/figures/hinge.png",
    "runs/hinge/one_sided.png": "docs/figures/hinge-one-sided.png",
    "runs/online_sgd/figure.png": "docs/figures/online-sgd.png",
    "runs/random_features/figure.png": "docs/figures/random-features.png",
}


def execute(command: str, work: Path) -> None:
    """Run one command in the root of the repository; exit with its status if it fails."""
    program, *arguments = shlex.split(command.format(work=work))
    words = [sys.executable, *(("-m", "dmft") if program == "dmft" else (program,)), *arguments]
    print("+", " ".join([program, *arguments]), flush=True)
    status = subprocess.run(words, cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


def cpu_seconds() -> float:
    """CPU time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def is_new(name: str, work: Path) -> bool:
    """True if nothing of an entry is in the folder: files that are kept make a second run short."""
    words = {word for command in FIGURES[name] for word in command.split() if word.startswith("{work}")}
    return not any(Path(word.format(work=work)).exists() for word in words)


def keep(name: str, seconds: float) -> None:
    """Note the time of a figure."""
    known = json.loads(SECONDS.read_text()) if SECONDS.exists() else {}
    known[name] = round(seconds, 1)
    SECONDS.write_text(json.dumps({key: known[key] for key in FIGURES if key in known}, indent=1) + "\n")


def main(folder: str, *names: str) -> None:
    """Draw the figures of these names, or all of them."""
    if unknown := set(names) - set(FIGURES):
        sys.exit(f"no figure {', '.join(sorted(unknown))}; wanted some of {', '.join(FIGURES)}")
    work = Path(folder).resolve()
    work.mkdir(parents=True, exist_ok=True)
    for name in names or FIGURES:
        before, new = cpu_seconds(), is_new(name, work)
        for command in FIGURES[name]:
            execute(command, work)
        if new:
            keep(name, cpu_seconds() - before)
    for source, copy in COPIES.items():
        shutil.copyfile(ROOT / source, ROOT / copy)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
