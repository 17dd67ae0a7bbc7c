"""Ways to carry a pool as bars in an SVG: hosts, energy and money of a year, purchase."""

from collections.abc import Callable, Iterator
from html import escape

from anypool.cli.client import Json

WIDTH, LEFT, LINE = 900, 230, 24
_PANEL = 4
_BAR = 320
_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2")

Value = Callable[[Json], float | None]


def picture(pool: str, found: Json) -> str:
    """Return the variants of `GET /pools/{key}/hardware` as an SVG picture."""
    money = found["currency"] or "money"
    panels: tuple[tuple[str, Value], ...] = (
        ("hosts", lambda one: one["hosts"]),
        ("kWh a year", lambda one: one["kwh"]),
        (f"{money} a year for energy", lambda one: one["money"]),
        (f"{money} to buy them", lambda one: one["purchase"]),
    )
    body, top = [], 50
    for (title, value), colour in zip(panels, _COLOURS, strict=True):
        rows = list(_panel(found["variants"], title, value, colour))
        body.append(f'<g transform="translate(0,{top})">{"".join(rows)}</g>')
        top += LINE * (len(found["variants"]) + 1) + _PANEL * 4
    style = "font-family:sans-serif;font-size:13px"
    head = f'<text x="16" y="28" font-size="16">Pool {escape(pool)} on other hardware</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" style="{style}">'
        f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>{head}{"".join(body)}</svg>\n'
    )


def _panel(variants: list[Json], title: str, value: Value, colour: str) -> Iterator[str]:
    yield f'<text x="16" y="16" font-weight="bold">{escape(title)}</text>'
    known = [found for one in variants if (found := value(one)) is not None]
    most = max(known, default=0.0) or 1.0
    for row, one in enumerate(variants, 1):
        y = LINE * row
        found = value(one)
        text = "unknown" if found is None else f"{found:,.0f}"
        if not one["carries"]:
            text += ", does not carry all VMs"
        wide = 0.0 if found is None else _BAR * found / most
        faint = "" if one["carries"] else ' fill-opacity="0.35"'
        yield f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end">{escape(one["name"])}</text>'
        look = f'height="17" fill="{colour}"{faint}'
        yield f'<rect x="{LEFT}" y="{y + 3}" width="{wide:.1f}" {look}/>'
        yield f'<text x="{LEFT + wide + 6:.1f}" y="{y + 16}">{escape(text)}</text>'
