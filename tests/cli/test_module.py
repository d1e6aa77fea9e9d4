"""The program without its script, as on a cluster where only the interpreter is on the path."""

import subprocess
import sys

import dmft


def test_python_dash_m_is_the_program():
    ended = subprocess.run([sys.executable, "-m", "dmft", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"dmft {dmft.__version__}\n"
