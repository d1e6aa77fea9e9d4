"""The headline of a figure, in as many lines as it needs.

Matplotlib would end a line at any space, also in a formula, and then draw all of the text as it is written in LaTeX.
"""

from __future__ import annotations

import re

from matplotlib.figure import Figure

# A comma outside of formulas with the spaces after it: an even number of dollar signs follows.
BREAK = re.compile(r"(?<=,)( +)(?=[^$]*(?:\$[^$]*\$[^$]*)*$)")
# Part of the width that a line may have.
WIDEST = 0.98


def put_headline(drawn: Figure, text: str, fontsize: str) -> None:
    """Put a text above all panels; lines that are too long end at a comma."""
    shown = drawn.suptitle("", fontsize=fontsize)

    def fits(line: str) -> bool:
        shown.set_text(line)
        return shown.get_window_extent().width <= WIDEST * drawn.bbox.width

    lines: list[str] = []
    for paragraph in text.split("\n"):
        line, *rest = BREAK.split(paragraph)
        for space, part in zip(rest[::2], rest[1::2], strict=True):
            if fits(line + space + part):
                line += space + part
            else:
                lines.append(line)
                line = part
        lines.append(line)
    shown.set_text("\n".join(lines))
