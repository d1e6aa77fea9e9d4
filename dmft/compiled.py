"""Compiled functions: one decorator, `njit`, with the options and the cache of machine code for the whole project.

A decorated function costs nothing until it is called: only then is numba imported, and the machine code read from the cache
or made.  Division by zero gives an infinity or a NaN, as in NumPy; the solver refuses those.

The name of a cache file is a digest of everything that the machine code depends on: the bytecode of the function and of all
functions that it calls, however deep and in whatever file, the constants that they read, types of the arguments, options,
processor, versions of Python, numba and NumPy.  So no file is ever stale, and comments or moved lines cost no compilation.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache, cached_property, update_wrapper
from itertools import count
from pathlib import Path
from time import monotonic, process_time
from types import CodeType, FunctionType, ModuleType
from typing import Any

# Versions of these are in the key, so that their functions are not followed.
FOREIGN = {"numba", "numpy", "scipy", *sys.stdlib_module_names}
# Files kept of one function: types of arguments, processors that share a home, states of the source.
KEPT = 32
PREFIX = 32  # bytes of the digest that opens a file
LAYOUT = 2  # of what follows
# Names in machine code that hashes, and in code of functions that call themselves.
HASHES, RECURSION = b"_numba_hashsecret", b".numba.unresolved$"
# Libraries that numba imports where they are installed: one for tests, one for a file of settings.
IDLE = {"coverage": "", "yaml": ".numba_config.yaml"}


class Compilation:
    """Seconds that this process has compiled for, wall and CPU, and a function to be told when it begins to."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0
        self.tell: Callable[[], None] = lambda: None
        self._began: list[tuple[float, float]] = []

    def begin(self) -> None:
        """A function is compiled from now on; functions that it calls are compiled meanwhile."""
        if not self._began:
            self.tell()
        self._began.append((monotonic(), process_time()))

    def end(self) -> None:
        """The function is compiled."""
        began, cpu_began = self._began.pop()
        if not self._began:
            self.seconds += monotonic() - began
            self.cpu_seconds += process_time() - cpu_began


compilation = Compilation()


def njit(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function when it is first called: `@njit` or `@njit(fastmath=True)`, with the options of `numba.njit`."""
    if function is None:
        return lambda given: njit(given, **options)
    return Compiled(function, {"error_model": "numpy", **options})


class Compiled:
    """A function that is compiled when it is first called, from Python or from another compiled function.

    py_func: the function as written; targetoptions: the options of numba.  Both names are numba's.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self.targetoptions = options

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba knows it, with a cache of machine code."""
        return self._dispatcher()

    @cached_property
    def callee(self) -> Any:
        """The same for calls from compiled functions; what only Python needs is left out, a third of the time to compile."""
        return self._dispatcher(no_cpython_wrapper=True)

    def _dispatcher(self, **options: bool) -> Any:
        import_numba()
        import numba

        # Nothing takes the address of a function in the manner of C.
        all_options: dict[str, Any] = {**self.targetoptions, "no_cfunc_wrapper": True, **options}
        dispatcher: Any = numba.njit(**all_options)(self.py_func)
        dispatcher._cache = MachineCode(self, options)
        # Extensions of numba by other packages, which are looked for in all that is installed, are not used here.
        dispatcher._compilation_chain_init_hook = lambda: None
        return dispatcher

    def __call__(self, *arguments: Any) -> Any:
        """The value of the function; compiles it, or reads its machine code, the first time."""
        return self.dispatcher(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """Type of this object where numba finds it in the source of another function."""
        from numba.core import types

        return types.Dispatcher(self.__dict__.get("dispatcher") or self.callee)

    def __reduce__(self) -> str:
        return self.py_func.__qualname__


def import_numba() -> None:
    """Import numba without what it loads for nothing, a tenth of the time that this takes."""
    idle = [name for name, file in IDLE.items() if name not in sys.modules and not os.path.exists(file)]
    sys.modules.update(dict.fromkeys(idle))  # type: ignore[arg-type]  # None: as if it was not installed
    try:
        import numba  # noqa: F401
    finally:
        for name in idle:
            del sys.modules[name]


class MachineCode:
    """Machine code of one function on disk, asked by numba before it compiles and told afterwards."""

    cache_path = None

    def __init__(self, function: Compiled, options: dict[str, bool]) -> None:
        self.function, self.options = function, options
        source = function.py_func
        self.name = f"{source.__module__}.{source.__qualname__}".replace("<", "").replace(">", "")

    @cached_property
    def sources(self) -> str:
        """Digest of the function and all that it reads."""
        digest = Digest()
        digest.add(self.function)
        return digest.hexdigest()

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The function compiled for a signature; None if the cache has no whole file of it, and it is compiled next."""
        found = self._load(signature, target)
        if found is None:
            compilation.begin()
        return found

    def _load(self, signature: Any, target: Any) -> Any:
        """The function compiled for a signature; None if the cache has no whole file of it.

        Numba's own cache first fills its tables of functions to compile, which takes longer than all else here.  Finished code
        needs only the symbols that it is linked to: those of memory and of hashing.
        """
        folder = cache_folder()
        if folder is None:
            return None
        try:
            content = self._path(folder, signature, target.codegen()).read_bytes()
            payload = content[PREFIX:]
            if hashlib.sha256(payload).digest() != content[:PREFIX]:
                return None
            link(payload, target)
            return rebuilt(target, *pickle.loads(payload))
        except OSError:
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what has been compiled for a signature."""
        from numba.core.serialize import dumps

        compilation.end()
        folder = cache_folder()
        # Code with addresses of this process in it is of no use to another.
        if folder is None or compiled.library.has_dynamic_globals:
            return
        *parts, environments = compiled._reduce()
        # Those without constants are never looked at, and name modules of numba that would be loaded with them.
        with_constants = tuple(environment for environment in environments if environment.consts)
        payload = dumps((defined_symbols(compiled.library), *parts, with_constants))
        path = self._path(folder, signature, compiled.library.codegen)
        try:
            self._remove_oldest(folder)
            _write(path, hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            say_not_kept(f"{folder}: {error.strerror}")

    def _path(self, folder: Path, signature: Any, codegen: Any) -> Path:
        import numba
        import numpy as np

        versions = sys.implementation.cache_tag, numba.__version__, np.__version__
        key = repr((LAYOUT, signature, codegen.magic_tuple(), versions, self.options, self.sources))
        return folder / f"{self.name}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.machine"

    def _remove_oldest(self, folder: Path) -> None:
        files = sorted(folder.glob(f"{self.name}-*.machine"), key=lambda file: file.stat().st_mtime)
        for file in files[: max(0, len(files) - KEPT + 1)]:
            file.unlink(missing_ok=True)

    def enable(self) -> None:
        """Part of what numba asks of a cache."""

    def disable(self) -> None:
        """Part of what numba asks of a cache."""

    def flush(self) -> None:
        """Part of what numba asks of a cache."""


def link(payload: bytes, target: Any) -> None:
    """Make known to LLVM what machine code from a file calls; numba, which compiles a part of that, needs 30 ms for it."""
    from llvmlite import binding
    from numba.core.runtime import _nrt_python  # pyright: ignore[reportAttributeAccessIssue]

    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    if HASHES in payload:
        import numba.cpython.hashing  # noqa: F401
    if RECURSION in payload:
        from numba.core.runtime.nrt import rtsys

        rtsys.initialize(target)


def defined_symbols(library: Any) -> list[str]:
    """Names of all that the code of a function defines."""
    module = library._get_module_for_linking()
    return [found.name for kind in (module.functions, module.global_variables) for found in kind if not found.is_declaration]


def rebuilt(target: Any, symbols: list[str], *parts: Any) -> Any:
    """A function from its parts; the code that others would be linked with is parsed once one is.

    Numba parses it at once, mostly to learn the symbols: that takes longer than all else of a function.
    """
    from numba.core.compiler import CompileResult

    codegen = target.codegen()
    codegen._engine._defined_symbols.update(symbols)
    codegen._library_class = unparsed(type(codegen)._library_class)
    try:
        return CompileResult._rebuild(target, *parts)
    finally:
        del codegen._library_class


@cache
def unparsed(library: type[Any]) -> type[Any]:
    """The class of numba for the code of a function, with the part for linking as bytes until it is needed."""
    from llvmlite import binding

    class Unparsed(library):
        _bitcode = b""

        @classmethod
        def _unserialize(cls, codegen: Any, state: Any) -> Any:
            name, _, (machine_code, bitcode) = state
            found = codegen.create_library(name)
            found.enable_object_caching()
            found._set_compiled_object(machine_code)
            found._bitcode = bitcode
            found._finalize_final_module()
            return found

        def _get_module_for_linking(self) -> Any:
            if self._bitcode:
                self._shared_module, self._bitcode = binding.parse_bitcode(self._bitcode), b""
            return super()._get_module_for_linking()

    return Unparsed


class Digest:
    """Digest of Python values: functions with everything that their machine code depends on, and constants."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._numbers: dict[int, int] = {}
        self._next = count()

    def hexdigest(self) -> str:
        """The digest of all that was added."""
        return self._hash.hexdigest()

    def add(self, value: Any, names: Iterable[str] = ()) -> None:
        """Add a value; of a module, what it holds under these names."""
        if hasattr(value, "py_func") and hasattr(value, "targetoptions"):
            self._text("options", sorted(value.targetoptions.items(), key=repr))
            self.add(value.py_func)
        elif isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(value, ModuleType):
            self._add_module(value, names)
        elif isinstance(value, tuple | list):
            self._text(type(value).__name__, len(value))
            for item in value:
                self.add(item)
        elif isinstance(value, frozenset):
            self._text("set", sorted(map(repr, value)))
        elif isinstance(value, type):
            self._text("type", value.__module__, value.__qualname__, getattr(value, "_fields", ()))
        elif hasattr(value, "dtype") and hasattr(value, "tobytes"):
            self._text("array", value.dtype, value.shape)
            self._hash.update(value.tobytes())
        else:
            self._text(type(value).__name__, repr(value))

    def _add_module(self, module: ModuleType, names: Iterable[str]) -> None:
        self._text("module", module.__name__)
        if not _foreign(module.__name__):
            for name in names:
                held = vars(module).get(name)
                if not isinstance(held, ModuleType):
                    self.add(held)

    def _add_function(self, function: FunctionType) -> None:
        known = id(function) in self._numbers
        self._text("function", self._numbers.setdefault(id(function), next(self._next)), function.__qualname__)
        if known or _foreign(function.__module__):
            return
        self.add(function.__defaults__)
        for cell in function.__closure__ or ():
            self.add(cell.cell_contents)
        self._add_code(function.__code__, function.__globals__, function.__doc__)

    def _add_code(self, code: CodeType, scope: dict[str, Any], docstring: str | None = None) -> None:
        self._text("code", code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        for place, constant in enumerate(code.co_consts):
            if isinstance(constant, CodeType):
                self._add_code(constant, scope)
            elif place > 0 or constant != docstring:
                self.add(constant)
        for name in code.co_names:
            if name in scope:
                self._text("global", name)
                self.add(scope[name], code.co_names)

    def _text(self, *parts: Any) -> None:
        self._hash.update(repr(parts).encode())


def _foreign(module: str | None) -> bool:
    """True for a module of Python or of a library whose version is in the key."""
    return (module or "").partition(".")[0] in FOREIGN


@cache
def cache_folder() -> Path | None:
    """The folder of machine code: NUMBA_CACHE_DIR, or beside the package, or the user's cache; None if none can be written."""
    import numba

    given = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    beside = [str(Path(__file__).parent / "__pycache__"), os.path.join(user, "dmft")]
    for candidate in [os.path.join(given, "dmft")] if given else beside:
        if _writable(candidate):
            return Path(candidate)
    say_not_kept(given or " and ".join(beside))
    return None


def _writable(folder: str) -> bool:
    if not os.path.isabs(folder) and folder.startswith("~"):  # no home
        return False
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@cache
def say_not_kept(where: str) -> None:
    """One line on standard error: machine code is made anew in each process, and how to change that."""
    line = f"dmft: compiled code cannot be kept ({where}): set NUMBA_CACHE_DIR to a writable folder to compile only once"
    print(line, file=sys.stderr)


def _write(path: Path, content: bytes) -> None:
    """The whole file or none, whatever else writes or ends."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".machine-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
