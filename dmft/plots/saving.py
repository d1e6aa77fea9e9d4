"""Files of figures: they appear complete or not at all, and carry the name of the file that they show."""

from __future__ import annotations

import io
import logging
import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import matplotlib
from matplotlib.figure import Figure

from dmft.plots.style import STYLE

DOTS_PER_INCH = 200
# The same line in the metadata of every format; the name is escaped, so that it has no blanks and no parentheses.
MARK = "figure of {} by dmft"
MARKED = re.compile(rb"figure of (\S+) by dmft")
# Where each format has a line of text for it.
FIELD = {"png": "Source", "pdf": "Subject", "svg": "Source"}


def save(drawn: Figure, path: Path, source: Path | None = None) -> None:
    """Write the figure of a file, or of no file; it appears complete or not at all."""
    from dmft.storage.atomic import write_whole

    # The subsetter of fonts for PDF remarks on their dates.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    suffix = path.suffix.lstrip(".").lower()
    said = (
        {} if source is None or suffix not in FIELD else {FIELD[suffix]: MARK.format(quote(os.fsencode(beside(source, path))))}
    )
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        drawn.savefig(image, format=suffix, dpi=DOTS_PER_INCH, metadata=said)
    write_whole(path, image.getbuffer())


def source_of(figure: Path) -> str | None:
    """The file that a figure shows, relative to the folder of the figure; None if it does not say."""
    found = MARKED.search(figure.read_bytes())
    return None if found is None else os.fsdecode(unquote_to_bytes(found[1]))


def beside(file: Path, figure: Path) -> str:
    """The path of a file from the folder of a figure; both can be moved together."""
    return os.path.relpath(file.resolve(), figure.resolve().parent)
