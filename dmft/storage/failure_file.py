"""Why a point of a sweep or a seed of a simulation has no result: a sealed text file.

# dmft seal: ...
raised: MemoryError: not enough memory
(a traceback, if there is one)
"""

from __future__ import annotations

import re
from pathlib import Path

from dmft.storage.atomic import write_whole
from dmft.system.memory import MIB
from dmft.system.regular_file import read_regular_file
from dmft.system.sealed_text import sealed, verified

UNREADABLE = "unreadable"
LARGEST = 8 * MIB


def write(path: Path, outcome: str, reason: str, details: str) -> None:
    """Write outcome and reason, on one line, and details below.  Raises OSError if the file cannot be written."""
    write_whole(path, sealed(f"{outcome}: {' '.join(reason.split())}\n{details}"))


def read(path: Path) -> tuple[str, str]:
    """Outcome and reason; UNREADABLE and what is wrong with the file if it is damaged.  Raises FileNotFoundError."""
    try:
        text = verified(read_regular_file(path, LARGEST)).decode()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        return UNREADABLE, f"{path.name} {getattr(error, 'strerror', None) or error}"
    said = re.match("([a-z-]+): (.*)", text)
    return (said[1], said[2]) if said else (UNREADABLE, f"{path.name} is damaged: it does not say why")
