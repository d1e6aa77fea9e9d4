"""Tables made from the code at build time: a line `<!-- table: NAME -->` of a page becomes the table of that name."""

from __future__ import annotations

import html
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dmft.engines.outcome import Outcome
from dmft.mathematics import hermite
from dmft.mathematics.functions import NAMED
from dmft.problem import registry
from dmft.problem.description import Quantity
from dmft.problem.output import OutputSettings
from dmft.problem.parameters import Parameters
from dmft.problem.settings import SolverSettings
from dmft.storage import schema

sys.path.insert(0, str(Path(__file__).parent))
import first_run
import gallery

PLACEHOLDER = re.compile(r"^<!-- table: ([\w -]+?) -->$", re.MULTILINE)
SHOWN: set[str] = set()
SHOWN_ON: dict[str, set[str]] = {}
# The pages that refer to all theories, and the tables of theirs that they show.
REFERENCES = {"problem-file.md": "problem", "run-file.md": "observables"}


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put the tables in place of their placeholders; an unknown name stops the build."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] not in TABLES:
            raise PluginError(f"{page.file.src_path}: no table {match[1]!r}; wanted one of {', '.join(TABLES)}")
        SHOWN.add(match[1])
        SHOWN_ON.setdefault(page.file.src_path, set()).add(match[1])
        return TABLES[match[1]]()

    return PLACEHOLDER.sub(replaced, markdown)


def on_post_build(**_: object) -> None:
    """A table that no page shows, such as that of a new model, stops the build."""
    if missing := TABLES.keys() - SHOWN:
        raise PluginError(f"no page shows the tables {', '.join(sorted(missing))}")
    for page, group in REFERENCES.items():
        wanted = {f"{group} {name}" for name in registry.names()}
        if absent := wanted - SHOWN_ON.get(page, set()):
            raise PluginError(f"{page} does not show the tables {', '.join(sorted(absent))}")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """Text of the code as it stands: `<w_i, u>` is not HTML."""
    return html.escape(text, quote=False)


def keys(parameters: type[BaseModel]) -> str:
    """Every key of one table of a problem file."""
    rows = (
        (f"`{name}`", wanted(field), default(field), plain(field.description or ""))
        for name, field in parameters.model_fields.items()
    )
    return table(("Key", "Type", "Default", "Meaning"), rows)


def wanted(field: FieldInfo) -> str:
    """Type and bounds of a key, in the words of a problem file."""
    return " ".join([type_name(field.annotation), *bounds(field.metadata)])


WORDS = {float: "number", int: "whole number", bool: "`true` or `false`", str: "string"}


def type_name(annotation: Any) -> str:
    """`float | None` is a number, `Literal["a", "b"]` is `"a"` or `"b"`."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(part) for part in inside if part is not types.NoneType)
    if origin is tuple:
        return f"list of {plural(type_name(inside[0]))}"
    if origin is dict:
        return "table" if inside[1] is Any else f"table of {type_name(inside[1])}s"
    return "table" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else WORDS[annotation]


def plural(words: str) -> str:
    """number, numbers; list of numbers, lists of numbers."""
    return words.replace("list", "lists", 1) if words.startswith("list") else f"{words}s"


def bounds(metadata: Iterable[Any]) -> list[str]:
    """`> 0`, `<= 9`: what pydantic was told to check."""
    signs = {annotated_types.Gt: ("gt", ">"), annotated_types.Ge: ("ge", "≥"), annotated_types.Lt: ("lt", "<")}
    signs[annotated_types.Le] = ("le", "≤")
    known = [(signs[type(item)], item) for item in metadata if type(item) in signs]
    return [", ".join(f"{sign} {getattr(item, name):g}" for (name, sign), item in known)] if known else []


def default(field: FieldInfo) -> str:
    """The default as it would be written in TOML."""
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "not given"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def datasets(entries: Mapping[str, schema.Entry], folder: str = "") -> str:
    """Every dataset of one group of a run file."""
    rows = (
        (f"`{folder}/{name}`", ", ".join(entry.dimensions), entry.units, plain(entry.meaning))
        for name, entry in entries.items()
    )
    return table(("Dataset", "Dimensions", "Units", "Meaning"), rows)


def attributes(meanings: Mapping[str, str]) -> str:
    """Root attributes of a file."""
    return table(("Attribute", "Meaning"), ((f"`{name}`", plain(text)) for name, text in meanings.items()))


def constants(quantities: Mapping[str, Quantity]) -> str:
    """The constants of one model."""
    rows = ((f"`{name}`", quantity.units, plain(quantity.meaning)) for name, quantity in quantities.items())
    return table(("Attribute", "Units", "Meaning"), rows)


def functions() -> str:
    """Every named function: whether it is smooth, and the degree at which its series is cut."""
    rows = (
        (f"`{name}`", *(("yes", str(len(hermite.series(name)) - 1)) if function.smooth else ("no", "`activation_degree`")))
        for name, function in NAMED.items()
    )
    return table(("Name", "Smooth", "Degree of the series"), rows)


# The page of each theory; a theory without one stops the build.
PAGES = {
    "two-layer-flow": "theory.md",
    "spherical-pspin": "pspin.md",
    "online-sgd": "online-sgd.md",
    "random-features": "random-features.md",
    "hinge": "hinge.md",
}


def theories() -> str:
    """Every theory, with its page."""
    if absent := set(registry.names()) - PAGES.keys():
        raise PluginError(f"docs/hooks/tables.py: no page for the theories {', '.join(sorted(absent))}")
    rows = ((f"[`{name}`]({page})", registry.load(name).description.about) for name, page in PAGES.items())
    return table(("`model`", "Dynamics"), rows)


def of_model(name: str, parameters: type[Parameters]) -> dict[str, Callable[[], str]]:
    """The keys and datasets of one model."""
    shown = parameters.description
    groups = {
        "observables": schema.observables(shown.observables),
        "kernels": schema.kernels(shown.kernels),
        "order_parameters": schema.order_parameters(shown.order_parameters),
        "distributions": schema.distributions(shown.distributions),
    }
    made: dict[str, Callable[[], str]] = {f"problem {name}": lambda: keys(parameters)}
    if shown.constants:
        made[f"constants {name}"] = partial(constants, shown.constants)
    return made | {f"{group} {name}": partial(datasets, entries, f"/{group}") for group, entries in groups.items() if entries}


TABLES: dict[str, Callable[[], str]] = {
    **{name: made for model in registry.names() for name, made in of_model(model, registry.load(model)).items()},
    "theories": theories,
    "gallery": gallery.page,
    "first run": first_run.printed,
    "solver": lambda: keys(SolverSettings),
    "output": lambda: keys(OutputSettings),
    "functions": functions,
    "attributes": lambda: attributes(schema.ATTRIBUTES),
    "root": lambda: datasets(schema.ROOT),
    "simulation attributes": lambda: attributes(schema.SIMULATION_ATTRIBUTES),
    "simulation root": lambda: datasets(schema.SIMULATION_ROOT),
    "outcomes": lambda: table(("Outcome", "What it says"), ((f"`{o.value}`", plain(o.advice)) for o in Outcome)),
}
