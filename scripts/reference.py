"""Write the pages of docs/reference that are made from code: `make docs`."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from anypool import drivers
from anypool.settings import FILE, Settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs/reference"
MADE = "<!-- Made by `make docs`; do not edit. -->\n"


def pages() -> dict[str, str]:
    """File name in docs/reference to content."""
    return {"settings.md": settings(), "drivers.md": driver_matrix()}


def settings() -> str:
    """Every setting with its meaning, unit, limits and default."""
    lines = [
        "# Settings",
        "",
        MADE,
        f"Read from `{FILE}` in the state folder, then from environment variables "
        "`ANYPOOL_<NAME>` in capitals; the later one wins. What is not in this list is refused.",
        "",
        "The state folder is `$ANYPOOL_STATE`; without it `/var/lib/anypool` for root, and "
        "`$XDG_STATE_HOME/anypool` (`~/.local/state/anypool`) for others.",
        "",
        "| name | meaning | values | default |",
        "|---|---|---|---|",
    ]
    for field in msgspec.structs.fields(Settings):
        schema = msgspec.json.schema(field.type)
        default = "" if field.required else f"`{msgspec.json.encode(field.default).decode()}`"
        meaning = schema.get("description", "")
        lines.append(f"| `{field.name}` | {meaning} | {values(schema)} | {default} |")
    return "\n".join(lines) + "\n"


def values(schema: dict[str, Any]) -> str:
    """The values a JSON schema allows, in words."""
    names = {"integer": "whole number", "number": "seconds", "string": "text", "boolean": "yes, no"}
    words = [names.get(schema.get("type", ""), "")]
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    words += [f"{word} {schema[key]}" for key, word in bounds.items() if key in schema]
    return " ".join(words)


def driver_matrix() -> str:
    """What each driver was seen against, from its quality.toml."""
    lines = [
        "# Drivers",
        "",
        MADE,
        "What each driver was seen to work against, as its folder's `quality.toml` says. "
        "What is not in this table was not tried.",
        "",
        "| driver | kind | product | version | seen by |",
        "|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for quality in qualities():
        for seen in quality["seen"]:
            cells = [quality["title"], quality["kind"]]
            cells += [seen.get(key, "") for key in ("product", "version", "by")]
            lines.append(f"| {' | '.join(cells)} |")
        not_seen = quality.get("not_seen", [])
        notes += [f"* {quality['title']}: {text}" for text in not_seen]
    if notes:
        lines += ["", "## Not seen", "", *notes]
    return "\n".join(lines) + "\n"


def qualities() -> Iterator[dict[str, Any]]:
    """The quality.toml of every driver, by folder name."""
    folder = Path(drivers.__file__).parent
    for path in sorted(folder.glob("*/quality.toml")):
        yield tomllib.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
