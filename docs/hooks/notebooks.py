"""Notebooks as pages: docs/tutorials/NAME.ipynb becomes the page tutorials/NAME, with the outputs that are stored in it."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from dmft.version import REPOSITORY

FOLDER = "tutorials"
NOTE = "*This page is a notebook: [{name}]({url}).*\n\n"
ADDRESS = REPOSITORY + "/blob/main/docs/tutorials/{name}"


def on_files(files: Files, config: MkDocsConfig, **_: object) -> Files:
    """Put a page in place of every notebook."""
    for path in sorted((Path(config.docs_dir) / FOLDER).glob("*.ipynb")):
        if (notebook := files.get_file_from_path(f"{FOLDER}/{path.name}")) is not None:
            files.remove(notebook)
        files.append(File.generated(config, f"{FOLDER}/{path.stem}.md", content=page(path)))
    return files


def page(path: Path) -> str:
    """A notebook as Markdown: its first heading, where the file is, and its cells."""
    cells = json.loads(path.read_text())["cells"]
    first, *rest = (cell(one) for one in cells)
    title, _, text = first.partition("\n")
    note = NOTE.format(name=path.name, url=ADDRESS.format(name=path.name))
    return "\n\n".join([title, note + text.strip(), *rest]) + "\n"


def cell(one: dict[str, Any]) -> str:
    """Text as it stands; code in a block, with what it printed and drew."""
    source = "".join(one["source"])
    if one["cell_type"] == "markdown":
        return source
    shown = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
    return "\n\n".join([f"```python\n{shown.strip()}\n```", *(part for output in one["outputs"] if (part := drawn(output)))])


def drawn(output: dict[str, Any]) -> str:
    """One output: a figure, or text that was printed or returned."""
    data = output.get("data", {})
    if "image/png" in data:
        image = "".join(data["image/png"]).replace("\n", "")
        return f'<img class="figure" alt="Output of the cell" src="data:image/png;base64,{image}">'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f'<pre class="output">{html.escape(text.rstrip())}</pre>' if text.strip() else ""
