"""Python's search for garbage, which waits until a command works.

What a program imports stays, hundreds of thousands of objects.  To look through them again and again takes a tenth of a run of
less than a second.
"""

from __future__ import annotations

import gc


def begin() -> None:
    """The program starts: no search for garbage."""
    gc.disable()


def over() -> None:
    """A command works from now on: garbage is searched for, but never in what is there already."""
    gc.freeze()
    gc.enable()


def end() -> None:
    """The process ends and leaves nothing: the searches that Python makes at its end find nothing to look through."""
    gc.freeze()
