"""Formats of figures, known before matplotlib is loaded."""

from __future__ import annotations

from pathlib import Path

FORMATS = (".png", ".pdf", ".svg")


def refuse_other_format(figure: Path) -> None:
    """ValueError, one line, unless the name of a figure ends in one of the formats."""
    if figure.suffix.lower() not in FORMATS:
        raise ValueError(f"suffix = {figure.suffix or 'none'}: wanted one of {', '.join(FORMATS)}")
