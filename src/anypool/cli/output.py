"""Results as tables, JSON, YAML or bare names."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from anypool.cli import yaml
from anypool.cli.client import Json
from anypool.cli.connection import Format
from anypool.cli.terminal import clean, out
from anypool.model.units import format_size

_STYLES = {
    "running": "green",
    "up": "green",
    "connected": "green",
    "done": "green",
    "unknown": "yellow",
    "paused": "yellow",
    "begun": "cyan",
    "recommended": "cyan",
    "failed": "red",
    "crashed": "red",
    "needs-human": "bold red",
    "interrupted": "bold red",
    "unreachable": "red",
    "quarantined": "red",
    "error": "red",
    "warning": "yellow",
}


_MOST_IN_CELL = 5
"""Words in one cell of a list; `-o wide` shows all."""


@dataclass(frozen=True)
class Column:
    """One column of a table; `wide` ones are shown by `-o wide` only."""

    title: str
    value: Callable[[Json], object]
    wide: bool = False


def show_list(rows: Iterable[Json], columns: Sequence[Column], form: Format) -> None:
    """Print a list of objects."""
    found = list(rows)
    if form in ("table", "wide"):
        shown = [column for column in columns if form == "wide" or not column.wide]
        limit = None if form == "wide" else _MOST_IN_CELL
        cells = [[_cell(_few(column.value(row), limit)) for column in shown] for row in found]
        table([column.title for column in shown], cells)
    else:
        _show_data(found, form)


def _few(value: object, limit: int | None) -> object:
    """Return a long list cut short, with how many more there are."""
    if limit is None or not isinstance(value, list) or len(value) <= limit + 1:
        return value
    return ", ".join([*sorted(map(str, value))[:limit], f"{len(value) - limit} more"])


def show_one(row: Json, columns: Sequence[Column], form: Format) -> None:
    """Print one object: every column below the other, or all of it as data."""
    if form in ("table", "wide"):
        width = max(len(column.title) for column in columns)
        for column in columns:
            text = _cell(column.value(row))
            label = Text(f"{column.title.lower():<{width}}  ", style="bold")
            out().print(label + Text(text, style=_STYLES.get(text, "")))
    else:
        _show_data(row, form)


def show_counts(page: Json, form: Format) -> None:
    """Print how many objects match, their sums, and how many have each value of each facet."""
    if form not in ("table", "wide"):
        counts = {name: page[name] for name in ("total", "totals", "facets")}
        _show_data([{"name": name} for name in _values(page)] if form == "name" else counts, form)
        return
    sums = (f"{_cell(_sum(name, value))} {_words(name)}" for name, value in page["totals"].items())
    out().print(", ".join([f"{page['total']} match", *sums]), markup=False)
    for facet in page["facets"]:
        rows = [[clean(one["value"]) or "-", str(one["count"])] for one in facet["values"]]
        if facet["more"]:
            rows.append([f"({facet['more']} more values)", ""])
        out().print()
        table([facet["field"].upper(), "COUNT"], rows)


def _values(page: Json) -> Iterator[str]:
    for facet in page["facets"]:
        for one in facet["values"]:
            yield f"{facet['field']}={one['value']}"


def _sum(name: str, value: int) -> object:
    return format_size(value) if name.endswith("_bytes") else value


def _words(name: str) -> str:
    return name.removesuffix("_bytes").replace("_", " ")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under titles, in columns as wide as their content."""
    if not out().is_terminal:
        for line in aligned([titles, *rows]):
            out().print(line, markup=False)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    out().print(shown)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return each row as one line, its cells padded to the widest of their column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def style_of(word: str) -> str:
    """Return the style in which a state is shown."""
    return _STYLES.get(word, "")


def name_of(row: Json) -> str:
    """Return what people call an object."""
    found = row.get("name") or row.get("id") or row.get("number") or ""
    return clean(found)


def _show_data(data: Json | list[Json], form: Format) -> None:
    if form == "json":
        text = json.dumps(data, indent=2, ensure_ascii=True)
    elif form == "yaml":
        text = yaml.dump(data).rstrip("\n")
    else:
        rows = data if isinstance(data, list) else [data]
        text = "\n".join(map(name_of, rows))
    if text:
        out().print(text, markup=False)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "-"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(clean, value))) or "-"
    return clean(value).replace("\n", " ")
