"""Commands in the README and on every page: `dmft` has them and their options, and the scripts that they start exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from dmft.cli.commands import program

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "runs" / "README.md"]
# Code of a page: blocks between fences, spans in a line, and lines that are indented.
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`|^ {4}(\S[^\n]*)$", re.DOTALL | re.MULTILINE)
# A command ends where the shell ends it, or a page leaves something out.
COMMAND = re.compile(r"(?:^|[\s(;&|])dmft (.*?)(?=$|[;&|>#)…]|\.\.\.)")
SCRIPT = re.compile(r"(?:^|\s)((?:runs|slurm|docs)/[\w/.-]+\.(?:py|sh|def|toml))(?=$|[\s:])")
GROUP = typer.main.get_command(program())


def code(page: Path) -> str:
    """All code of a page."""
    return "\n".join("".join(found) for found in CODE.findall(page.read_text())).replace("\\\n", " ")


def complaints(line: str) -> list[str]:
    """Words of a command, without `dmft`, that the program does not know."""
    words = [word.strip("[]") for word in shlex.split(line.replace("'", " "))]
    command = GROUP.commands[words[0]] if words and words[0] in GROUP.commands else GROUP
    if command is GROUP and words and re.fullmatch("[a-z]+", words[0]):
        return words[:1]
    known = {"--help", "-h"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    return [word for word in words if re.match("--?[a-z]", word) and word.split("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_files_exist(page):
    text = code(page)
    lines = [found for line in text.split("\n") for found in COMMAND.findall(line)]
    assert {line: unknown for line in lines if (unknown := complaints(line))} == {}
    assert [name for name in SCRIPT.findall(text) if "NAME" not in name and not (ROOT / name).exists()] == []


def test_commands_are_found():
    text = code(ROOT / "docs" / "on-your-cluster.md")
    assert {"plan sweep.toml", "--version"} <= {line for found in text.split("\n") for line in COMMAND.findall(found)}
    assert "slurm/array.sh" in SCRIPT.findall(text)


@pytest.mark.parametrize(
    "line", ["sovle x.toml -o x.h5", "solve x.toml --outptu x.h5", "--verison", "show x.h5 --json --att 3"]
)
def test_a_wrong_command_is_seen(line):
    assert complaints(line)
