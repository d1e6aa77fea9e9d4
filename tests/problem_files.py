"""Problem files that several tests share, and fixtures that write one."""

from pathlib import Path

import pytest

POINT = """
[problem]
width = 4
samples_per_parameter = 1.0
activation = [0.1, 0.8, 0.5]
target = [0.0, 1.0]
noise = 0.3
alignment = 0.05

[solver]
t_max = 20.0
tolerance = 1e-4
"""
# Many short cells: there is always time to send a signal.
SLOW_POINT = POINT.replace("tolerance = 1e-4", "tolerance = 1e-7\nstages = 3")

SWEEP = """
[problem]
width = 4
activation = [0.1, 0.8, 0.5]
target = [0.0, 1.0]
noise = 0.3
alignment = 0.05

[solver]
t_max = 2.0
tolerance = 1e-3

[sweep.axes]
"problem.samples_per_parameter" = { geomspace = [0.5, 2.0, 3] }
"problem.init_scale" = [0.5, 1.0]
"""
SLOW_SWEEP = SWEEP.replace("t_max = 2.0\ntolerance = 1e-3", "t_max = 20.0\ntolerance = 1e-7\nstages = 3")


def toml_file(name: str, text: str):
    """A fixture: the path of a file of this name and text."""

    @pytest.fixture
    def written(tmp_path) -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return path

    return written
