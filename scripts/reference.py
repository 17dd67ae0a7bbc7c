"""Write the pages of docs/reference that are made from code: `make docs`."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from anypool import app
from anypool.api.document import document
from anypool.cli import reference as command_line
from anypool.drivers import registry
from anypool.drivers.registry import DRIVERS
from anypool.search import reference as search_grammar
from anypool.settings import FILE, Settings
from scripts import api_page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs/reference"
MADE = "<!-- Made by `make docs`; do not edit. -->\n"


def api_document() -> dict[str, Any]:
    """The OpenAPI document of a manager that is wired and not started."""
    with tempfile.TemporaryDirectory() as folder:
        made = app.build(Settings(state_dir=folder, workers=1))
        try:
            encoded = msgspec.json.encode(document(made.web.litestar))
        finally:
            made.stop()
    decoded: dict[str, Any] = msgspec.json.decode(encoded)
    return decoded


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
        allowed = values(schema, unit(field.name))
        lines.append(f"| `{field.name}` | {meaning} | {allowed} | {default} |")
    return "\n".join(lines) + "\n"


def unit(setting: str) -> str:
    """What a setting is given in, which the end of its name says."""
    return {"_days": "days", "_h": "hours"}.get(setting[setting.rfind("_") :], "seconds")


def values(schema: dict[str, Any], number: str) -> str:
    """The values a JSON schema allows, in words; `number` is what a number counts."""
    names = {"integer": "whole number", "number": number, "string": "text", "boolean": "yes, no"}
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
        "What is not in the table was not tried.",
        "",
        "| driver | best seen | product | version | seen by |",
        "|---|---|---|---|---|",
    ]
    for name in DRIVERS:
        quality = registry.quality(name)
        for seen in quality.seen:
            cells = (quality.title, quality.kind, seen.product, seen.version, seen.by)
            lines.append(f"| {' | '.join(cells)} |")
    not_seen = [
        f"* {registry.quality(name).title}: {text}"
        for name in DRIVERS
        for text in registry.quality(name).not_seen
    ]
    if not_seen:
        lines += ["", "## Not seen", "", *not_seen]
    lines += ["", "## Addresses", ""]
    for name, entry in DRIVERS.items():
        schemes = ", ".join(f"`{scheme}://`" for scheme in sorted(entry.schemes))
        if not schemes:
            schemes = "none: it is given to a host, with `anypool host set-bmc`"
        lines.append(f"* {registry.quality(name).title}: `{entry.example}`. Schemes: {schemes}")
    return "\n".join(lines) + "\n"


def command_line_page() -> str:
    """Every command and option."""
    return f"{MADE}\n{command_line.page()}"


def search_page() -> str:
    """The grammar, and what can be searched."""
    return f"{MADE}\n{search_grammar.page()}"


def api() -> str:
    """Every path of the HTTP API."""
    return api_page.page(api_document(), MADE)


MAKERS: dict[str, Callable[[], str]] = {
    "cli.md": command_line_page,
    "search.md": search_page,
    "api.md": api,
    "settings.md": settings,
    "drivers.md": driver_matrix,
}
"""File name in docs/reference to what makes its content."""


def main() -> None:
    """Write every page."""
    for name, make in MAKERS.items():
        (PAGES / name).write_text(make(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
