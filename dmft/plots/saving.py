"""Files of figures: they appear complete or not at all, and carry the names of the files that they show."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import matplotlib
from matplotlib.figure import Figure

from dmft.plots.style import STYLE

DOTS_PER_INCH = 200
# The same line in the metadata of every format; names are escaped: no blanks, no parentheses, and commas only between them.
MARK = "figure of {} by dmft"
MARKED = re.compile(rb"figure of (\S+) by dmft")
# Where each format has a line of text for it.
FIELD = {"png": "Source", "pdf": "Subject", "svg": "Source"}


def save(drawn: Figure, path: Path, sources: Sequence[Path] = ()) -> None:
    """Write the figure of some files, or of none; it appears complete or not at all."""
    from dmft.storage.atomic import write_whole

    # The subsetter of fonts for PDF remarks on their dates.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    suffix = path.suffix.lstrip(".").lower()
    names = ",".join(quote(os.fsencode(beside(source, path))) for source in sources)
    said = {FIELD[suffix]: MARK.format(names)} if names and suffix in FIELD else {}
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        drawn.savefig(image, format=suffix, dpi=DOTS_PER_INCH, metadata=said)
    write_whole(path, image.getbuffer())


def sources_of(figure: Path) -> list[str]:
    """The files that a figure shows, relative to the folder of the figure; none if it does not say."""
    found = MARKED.search(figure.read_bytes())
    return [] if found is None else [os.fsdecode(unquote_to_bytes(name)) for name in found[1].split(b",")]


def beside(file: Path, figure: Path) -> str:
    """The path of a file from the folder of a figure; both can be moved together."""
    return os.path.relpath(file.resolve(), figure.resolve().parent)
