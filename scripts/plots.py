"""Draw cost against size: `python -m scripts.plots FILE` reads what the benchmark printed last.

Writes docs/pictures/inventory-scale.svg, and keeps the figures beside it as JSON.
"""

import json
import math
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, HEIGHT, GAP, EDGE = 380, 230, 60, 46
COLOURS = ("#0066cc", "#a18fff", "#ec7a08", "#3e8635")

Figures = dict[str, dict[str, float]]


class Panel(NamedTuple):
    """One small plot: a title, the figures in it with their names, and a bar or none."""

    title: str
    lines: tuple[tuple[str, str], ...]
    bar: float = 0.0


PANELS = (
    Panel("search in one process, ms", (
        ("in_process_ms", "columns"), ("sql_ms", "SQL on a table"), ("scan_ms", "scan of objects"),
    )),
    Panel("search over HTTP under load, ms", (
        ("search_p50_ms", "median"), ("search_p95_ms", "95 %"),
    ), 50.0),
    Panel("one change through the whole manager, µs of CPU", (("change_us", ""),)),
    Panel("resident memory of the manager, MB", (("rss_mb", ""),), 600.0),
    Panel("cold start to serving, s", (("start_s", ""),), 5.0),
)  # fmt: skip


def picture(figures: Figures) -> str:
    """Return all panels, two in a row, as SVG; figures by number of VMs."""
    rows = (len(PANELS) + 1) // 2
    width, height = 2 * (WIDTH + GAP), rows * (HEIGHT + GAP)
    body = []
    for index, panel in enumerate(PANELS):
        x, y = index % 2 * (WIDTH + GAP), index // 2 * (HEIGHT + GAP)
        body.append(f'<g transform="translate({x} {y})">{"".join(_panel(panel, figures))}</g>')
    style = "font-family:sans-serif;font-size:12px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="{style}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _panel(panel: Panel, figures: Figures) -> Iterable[str]:
    sizes = sorted(map(int, figures))
    most = max(figures[str(size)][name] for size in sizes for name, _ in panel.lines)
    most = max(most, panel.bar) * 1.1
    low, high = math.log(sizes[0]), math.log(sizes[-1])

    def x(size: int) -> float:
        share = (math.log(size) - low) / (high - low) if high > low else 0.5
        return EDGE + 20 + share * (WIDTH - EDGE - 20)

    def y(value: float) -> float:
        return HEIGHT - (HEIGHT - 60) * value / most

    yield f'<text x="{EDGE}" y="20" font-weight="bold">{escape(panel.title)}</text>'
    yield _line((EDGE, HEIGHT), (WIDTH + 10, HEIGHT), "#6a6e73")
    yield _line((EDGE, 50), (EDGE, HEIGHT), "#6a6e73")
    for size in sizes:
        yield _text(x(size), HEIGHT + 18, f"{size:,}", "middle")
    for share in (0.5, 1.0):
        value = most / 1.1 * share
        yield _text(EDGE - 6, y(value) + 4, f"{value:.3g}", "end")
    if panel.bar:
        yield _line((EDGE, y(panel.bar)), (WIDTH + 10, y(panel.bar)), "#c9190b", "4 3")
        yield _text(WIDTH + 8, y(panel.bar) - 4, f"at most {panel.bar:g}", "end", "#c9190b")
    for (name, _), colour in zip(panel.lines, COLOURS, strict=False):
        points = [(x(size), y(figures[str(size)][name])) for size in sizes]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for (px, py), size in zip(points, sizes, strict=True):
            yield f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>'
            yield _text(px, py - 7, f"{figures[str(size)][name]:.3g}", "middle", colour)
    for index, (_, label) in enumerate(panel.lines):
        yield _text(EDGE + 8 + index * 115, 40, label, "start", COLOURS[index])


def _line(begin: tuple[float, float], end: tuple[float, float], colour: str, dash: str = "") -> str:
    return (
        f'<line x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-dasharray="{dash}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#151515") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def main(file: str) -> None:
    """Write the picture and its figures."""
    last = Path(file).read_text(encoding="utf-8").strip().splitlines()[-1]
    figures: Figures = json.loads(last)["sizes"]
    PICTURES.joinpath("inventory-scale.json").write_text(
        json.dumps(figures, indent=1) + "\n", encoding="utf-8"
    )
    PICTURES.joinpath("inventory-scale.svg").write_text(picture(figures), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
