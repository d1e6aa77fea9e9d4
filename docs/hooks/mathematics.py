r"""Equations as MathML at build time: a page needs no script, font or network to show them.

pymdownx.arithmatex (generic) leaves \( ... \) in a span and \[ ... \] in a div; latex2mathml converts what is inside.
"""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>([.,;:)]*)', re.DOTALL)
NUMBER = re.compile(r"\\tag\{(\w+)\}")
# Bars, slashes, infinity and the partial sign are spaced like operators unless told otherwise.
TIGHT = re.compile(r"<mo(?: stretchy=\"false\")?>(&#x0007C;|&#x0002F;|&#x0221E;|&#x02202;|/)</mo>")
# A prime is raised already: as a superscript it would be raised twice.
PRIME = re.compile(r"<msup>(<mi>[^<]*</mi>|<mover.*?</mover>)<mi>(&#x0203[23];)</mi></msup>")


def on_page_content(content: str, page: Page, **_: object) -> str:
    """Replace every equation of a page; an unknown command of LaTeX stops the build."""

    def replaced(match: re.Match[str]) -> str:
        try:
            math = mathml(html.unescape(match[2]), display=match[1] == "div")
        except ValueError as error:
            raise PluginError(f"{page.file.src_path}: {error}") from None
        # No line breaks between an equation and the full stop after it.
        return f'<span class="unbroken">{math}{match[3]}</span>' if match[3] else math

    return EQUATION.sub(replaced, content)


def mathml(latex: str, *, display: bool) -> str:
    r"""MathML of one equation; in display, a \tag{...} becomes the number at the right margin."""
    number = NUMBER.search(latex)
    math = convert(NUMBER.sub("", latex).strip(), display="block" if display else "inline")
    math = TIGHT.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', math)
    math = PRIME.sub(r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>', math)
    # latex2mathml passes on what it does not know, backslash included.
    if "\\" in math:
        raise ValueError(f"cannot convert the equation {latex.strip()!r}")
    if not display:
        return math
    label = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<div class="equation">{math}{label}</div>'
