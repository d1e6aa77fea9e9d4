"""Text for a terminal: from files and command lines, without the characters that a terminal acts on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

LONGEST_MESSAGE = 200
# Of a message, what is kept after a cut: what is wanted stands at its end.
LAST = 80
# Files without a checksum that are named.
NAMED = 3


def say(text: object, *, err: bool = False) -> None:
    """Print text of one or several lines."""
    typer.echo("\n".join(map(printable, str(text).split("\n"))), err=err)


def complain(text: str) -> None:
    """Print one line to standard error."""
    say(f"dmft: {' '.join(text.split())}", err=True)


def refuse(file: str, message: str) -> None:
    """Print one line of at most LONGEST_MESSAGE characters to standard error: a file, if there is one, and what is wrong."""
    room = LONGEST_MESSAGE - len("dmft: : ")
    file, message = printable(file), printable(" ".join(message.split()))
    message = shortened(message, max(room - len(file), room // 2))
    file = shortened(file, room - len(message))
    complain(f"{file}: {message}" if file else message)


def printable(text: str) -> str:
    """A text on one line; characters that are not printed as themselves are escaped, bytes that are no UTF-8 as well."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, length: int) -> str:
    """A text of at most this length, cut in its middle."""
    if len(text) <= length:
        return text
    last = min(LAST, length // 2)
    return f"{text[: length - last - 5]} ... {text[-last:]}"


@contextmanager
def warning_of_unsealed_files() -> Iterator[None]:
    """Print one line for each of the first files without a checksum, and one for all others."""
    from dmft.storage.seal import Unsealed

    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: object) -> None:
        text = str(message)
        if not issubclass(category, Unsealed):
            before(message, category, *place)  # type: ignore[arg-type]
        elif text not in seen and len(seen) <= NAMED:
            seen.add(text)
            file, _, said = text.partition(": ")
            refuse(file, said) if len(seen) <= NAMED else complain("further files have no checksum, and are not named")

    with warnings.catch_warnings():
        before, warnings.showwarning = warnings.showwarning, show
        warnings.simplefilter("always", Unsealed)
        yield
