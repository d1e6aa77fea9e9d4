"""Machine code is made anew where anything that it depends on has changed, and only there."""

import os
import subprocess
import sys
from types import FunctionType, ModuleType

import numpy as np
import pytest

from dmft.compiled import Compiled, Digest, njit
from tests.processes import PATIENCE

CALLEE = "from dmft.compiled import njit\n\n@njit\ndef callee(x):\n    return {factor} * x\n"
CALLER = """
from dmft.compiled import njit
import callee

@njit
def caller(x):
    return callee.callee(x) + 1.0

if __name__ == "__main__":
    print(caller(1.0), sum(caller.dispatcher.stats.cache_hits.values()))
"""


def function(source: str, scope: dict | None = None) -> FunctionType:
    """The function `f` of a source text."""
    scope = {"__name__": "example", **(scope or {})}
    exec(source, scope)
    return scope["f"]


def digest(value) -> str:
    found = Digest()
    found.add(value)
    return found.hexdigest()


def run(folder, cache, **environment) -> subprocess.CompletedProcess:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(
        [sys.executable, "caller.py"], cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
    )


@pytest.fixture
def example(tmp_path):
    """A folder with a function that calls one from another file."""
    (tmp_path / "callee.py").write_text(CALLEE.format(factor=2.0))
    (tmp_path / "caller.py").write_text(CALLER)
    return tmp_path


@pytest.mark.slow
def test_a_change_in_another_file_is_seen_though_the_times_of_the_files_are_the_same(example):
    assert run(example, example / "cache").stdout.split() == ["3.0", "0"]
    assert run(example, example / "cache").stdout.split() == ["3.0", "1"]
    file = example / "callee.py"
    before = file.stat()
    file.write_text(CALLEE.format(factor=5.0))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(example, example / "cache").stdout.split() == ["6.0", "0"]


@pytest.mark.slow
def test_new_code_is_linked_with_code_from_the_cache(example):
    """A caller is compiled after its callee was read from the cache and called from Python."""
    called = CALLER.replace("print(", "print(callee.callee(3.0), sum(callee.callee.dispatcher.stats.cache_hits.values()), ")
    for constant, hits, found in (("1.0", "0", "3.0"), ("5.0", "1", "7.0"), ("5.0", "1", "7.0")):
        (example / "caller.py").write_text(called.replace("+ 1.0", f"+ {constant}"))
        assert run(example, example / "cache").stdout.split()[:3] == ["6.0", hits, found]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[:-7], lambda content: content[:50] + b"?" + content[51:]]
)
def test_a_damaged_file_is_made_anew(example, damage):
    run(example, example / "cache")
    whole = {}
    for file in (example / "cache" / "dmft").glob("*.machine"):
        whole[file] = file.stat().st_size
        file.write_bytes(damage(file.read_bytes()))
    assert len(whole) == 2
    assert run(example, example / "cache").stdout.split() == ["3.0", "0"]
    assert run(example, example / "cache").stdout.split() == ["3.0", "1"]


def test_without_a_folder_to_write_to_it_runs_and_says_what_to_set(example):
    (example / "file").write_text("")
    result = run(example, example / "file" / "cache")
    assert result.stdout.split() == ["3.0", "0"]
    assert result.stderr.count("\n") == 1
    assert "NUMBA_CACHE_DIR" in result.stderr


CHANGES = {
    "an operation": ("def f(x): return x + 1", "def f(x): return x - 1"),
    "a constant": ("def f(x): return x + 1", "def f(x): return x + 2"),
    "a constant of the module": ("c = 1\ndef f(x): return x + c", "c = 2\ndef f(x): return x + c"),
    "an array": ("c = np.zeros(2)\ndef f(x): return x + c[0]", "c = np.ones(2)\ndef f(x): return x + c[0]"),
    "a tuple": ("c = (1, 2)\ndef f(x): return x + c[0]", "c = (3, 2)\ndef f(x): return x + c[0]"),
    "a default": ("def f(x, y=1): return x + y", "def f(x, y=2): return x + y"),
    "a closure": (
        "def make(c):\n    def f(x): return x + c\n    return f\nf = make(1)",
        "def make(c):\n    def f(x): return x + c\n    return f\nf = make(2)",
    ),
    "an option": ("@njit\ndef f(x): return x", "@njit(fastmath=True)\ndef f(x): return x"),
    "a function that is called": (
        "@njit\ndef g(x): return x\n@njit\ndef f(x): return g(x)",
        "@njit\ndef g(x): return -x\n@njit\ndef f(x): return g(x)",
    ),
    "a function two calls away": (
        "def h(x): return x\n@njit\ndef g(x): return h(x)\n@njit\ndef f(x): return g(x)",
        "def h(x): return -x\n@njit\ndef g(x): return h(x)\n@njit\ndef f(x): return g(x)",
    ),
    "an inner function": (
        "def f(x):\n    def g(y): return y + 1\n    return g(x)",
        "def f(x):\n    def g(y): return y + 2\n    return g(x)",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_digest_sees(change):
    before, after = (digest(function(source, {"np": np, "njit": njit})) for source in CHANGES[change])
    assert before != after
    assert before == digest(function(CHANGES[change][0], {"np": np, "njit": njit}))


def test_the_digest_sees_what_is_read_from_a_module():
    module = ModuleType("example.constants")
    module.c = 1
    read = function("def f(x): return x + module.c", {"module": module})
    before = digest(read)
    module.c = 2
    assert digest(read) != before


def test_the_digest_does_not_see_comments_docstrings_and_moved_lines():
    plain = function("def f(x): return x + 1")
    assert digest(plain) == digest(function('\n\n# comment\ndef f(x):\n    """What it does."""\n    return x + 1'))


def test_functions_that_call_each_other_have_a_digest():
    assert digest(function("def g(x): return f(x)\ndef f(x): return g(x)"))


def test_a_decorated_function_keeps_its_name_and_docstring():
    @njit
    def twice(x):
        """Two x."""
        return 2.0 * x

    assert isinstance(twice, Compiled)
    assert (twice.__name__, twice.__doc__) == ("twice", "Two x.")
    assert twice(2.0) == 4.0


def test_division_by_zero_is_infinite():
    @njit
    def inverse(x):
        return 1.0 / x

    assert inverse(0.0) == np.inf
