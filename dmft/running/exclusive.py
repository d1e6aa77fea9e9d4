"""One call at a time for each output file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from dmft.jobs.locks import output_lock

Given = ParamSpec("Given")
Result = TypeVar("Result")


def exclusive_output(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Hold the lock of the keyword argument `output`, if there is one, while the function runs.

    The function raises ProblemError, too, for an output that cannot be written or that another process is writing.
    """

    @wraps(function)
    def locked(*arguments: Given.args, **keys: Given.kwargs) -> Result:
        output = keys.get("output")
        if output is None:
            return function(*arguments, **keys)
        from dmft.storage.atomic import refuse_unwritable

        refuse_unwritable(Path(str(output)))
        with output_lock(Path(str(output))):
            return function(*arguments, **keys)

    return locked
