"""The reference of the search grammar, made from the tables of fields: `make docs`."""

from collections.abc import Iterator

from anypool.search.field import Field, Kind
from anypool.search.lexer import MAX_LENGTH, RESERVED
from anypool.search.nouns import MAX_JOINS, TABLES
from anypool.search.parser import MAX_DEPTH
from anypool.search.syntax import Noun, Operator
from anypool.search.value import OPERATORS

_HEAD = """\
One grammar for the search box, `--filter` on the command line, and `?q=` of the API.

```text
vm where host.name = h1 and memory >= 1GiB and tag = prod order by memory desc limit 10
```

What is searched may be left out where the place says it: `anypool vm list --filter 'state =
running'`. Capitals do not matter anywhere.

## Conditions

| written | meaning |
|---|---|
| `name = web1` | the field has this value |
| `name != web1` | it has not |
| `name = web*` | `*` stands for any text; in quotes it is a star: `name = "web*"` |
| `name ~ eb` | the field contains this text |
| `memory >= 1GiB` | `<` `<=` `>` `>=` compare numbers, sizes, times, and states in their order |
| `state in (running, paused)`, `state not in (...)` | one of these, none of these |
| `tag = prod` | one of the tags is `prod`; `tag != prod`: none is |
| `host.name = h1` | the host of the VM is called so: a join |
| `web` | free text: one of the fields marked below contains it; `"two words"` in quotes |
| `a and b`, `a b`, `a or b`, `not a`, `(a or b) c` | `and` binds tighter than `or` |

After the condition: `order by memory desc, name` and `limit 10`. Names are ordered as people
count: h2 before h10."""

_KINDS = {
    Kind.TEXT: "text",
    Kind.ENUM: "one of the values listed",
    Kind.SET: "several texts; a condition holds if one of them fits",
    Kind.NUMBER: "`4`, `0.5`",
    Kind.SIZE: "`512MiB`, `1.5GiB`, `2TiB`; a unit is needed",
    Kind.DURATION: "`50ms`, `10s`, `5min`, `2h`, `7d`",
    Kind.BOOL: "`yes`, `no`",
    Kind.TIME: "`2026-11-21` (the whole day, UTC), `2026-11-21T09:30`, `today`, `yesterday`, "
    "`now`, `-2h` (two hours ago)",
}


def page() -> str:
    """Return the page in Markdown."""
    lines = ["# Search", "", _HEAD, "", "## Values", "", "| kind | written | operators |"]
    lines += ["|---|---|---|"]
    for kind, written in _KINDS.items():
        signs = " ".join(f"`{sign}`" for sign in Operator if sign in OPERATORS[kind])
        lines.append(f"| {kind} | {written} | {signs} |")
    reserved = ", ".join(f"`{word}`" for word in sorted(RESERVED))
    limits = f"A query has at most {MAX_LENGTH} characters, {MAX_DEPTH} levels of parentheses "
    limits += f"and {MAX_JOINS} joins in one name."
    lines += ["", f"These words are the grammar's; quote them to mean the text: {reserved}."]
    lines += ["", limits, "", "## Fields", ""]
    for noun in Noun:
        lines += _noun(noun)
    return "\n".join(lines).rstrip("\n") + "\n"


def _noun(noun: Noun) -> Iterator[str]:
    table = TABLES[noun]
    yield from (f"### {noun}", "", "| field | kind | meaning |", "|---|---|---|")
    for field in table.fields:
        yield f"| `{field.name}`{' (free text)' if field.free else ''} | {_kind(field)} |"
    yield ""
    if table.joins:
        joins = [f"`{join.name}.` ({join.doc}, fields of {join.noun})" for join in table.joins]
        yield from (f"Joins: {', '.join(joins)}.", "")


def _kind(field: Field[object]) -> str:
    values = f": {', '.join(f'`{value}`' for value in field.values)}" if field.values else ""
    return f"{field.kind} | {field.doc}{values}"
