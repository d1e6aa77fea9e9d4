"""Arguments in the reference: lines `name: meaning` of a docstring become a list."""

from __future__ import annotations

import re

from mkdocs.structure.pages import Page

REFERENCE = "python.md"
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
# A line that goes on is indented.
CONTINUED = re.compile(r"\n {4,}")
ARGUMENT = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): (.*)")


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Turn the paragraphs of arguments of the reference into lists."""
    return PARAGRAPH.sub(lambda found: listed(found[0], found[1]), html) if page.file.src_path == REFERENCE else html


def listed(paragraph: str, text: str) -> str:
    """A list of arguments; a paragraph with another line in it as it is."""
    lines = [ARGUMENT.fullmatch(line) for line in CONTINUED.sub(" ", text).splitlines()]
    if not all(lines):
        return paragraph
    items = (f"<li><code>{line[1]}</code>: {line[2]}</li>" for line in lines if line)
    return f"<ul>{''.join(items)}</ul>"
