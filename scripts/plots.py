"""Draw cost against size: `python -m scripts.plots FILE` reads what the benchmark printed last.

That of `inventory` becomes docs/pictures/inventory-scale.svg, that of `growth`
planner-growth.svg; the figures are kept beside it as JSON. `build/flat.json`, which the benchmark
`flat` writes, becomes flat-hour.svg.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, HEIGHT, GAP, EDGE = 380, 230, 60, 46
COLOURS = ("#0066cc", "#a18fff", "#ec7a08", "#3e8635")

Figures = dict[str, dict[str, float]]
Growth = dict[str, dict[str, dict[str, float]]]
"""By planner, by what grows, by its size: milliseconds."""
BASIS = "500 hosts with 10 VMs each under 9 rules, of which one grows"


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
    return _svg(width, height, body)


def _svg(width: int, height: int, body: Iterable[str]) -> str:
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


def growth_picture(growth: Growth) -> str:
    """Return a panel for each planner, two in a row, as SVG; a line for each thing that grows."""
    rows = (len(growth) + 1) // 2
    width, height = 2 * (WIDTH + GAP), rows * (HEIGHT + GAP) + 30
    body = [_text(EDGE, 22, f"{BASIS}; both axes by tens", "start")]
    for index, (name, lines) in enumerate(growth.items()):
        x, y = index % 2 * (WIDTH + GAP), index // 2 * (HEIGHT + GAP) + 30
        body.append(f'<g transform="translate({x} {y})">{"".join(_grown(name, lines))}</g>')
    return _svg(width, height, body)


def _grown(name: str, lines: dict[str, dict[str, float]]) -> Iterable[str]:
    """Yield one planner: milliseconds against how many times the base each size is."""
    values = [value for points in lines.values() for value in points.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def y(value: float) -> float:
        return HEIGHT - (HEIGHT - 60) * (math.log10(value) - low) / (high - low)

    yield f'<text x="{EDGE}" y="20" font-weight="bold">{escape(name)}, ms of CPU</text>'
    for ten in range(low, high + 1):
        yield _line((EDGE, y(10.0**ten)), (WIDTH + 10, y(10.0**ten)), "#d2d2d2")
        yield _text(EDGE - 6, y(10.0**ten) + 4, f"{10.0**ten:g}", "end")
    for number, (line, points) in enumerate(lines.items()):
        yield from _steps(number, line, {int(k): v for k, v in points.items()}, y)


def _steps(
    number: int, line: str, points: dict[int, float], y: Callable[[float], float]
) -> Iterable[str]:
    """Yield one line; its first and last size are written at its ends, 0 stands at a half."""
    colour, sizes = COLOURS[number], sorted(points)
    first, last = math.log(sizes[0] or sizes[1] / 2), math.log(sizes[-1])
    third = (WIDTH - EDGE - 20) / 3

    def x(size: int) -> float:
        share = (math.log(size or sizes[1] / 2) - first) / (last - first)
        return EDGE + 16 + number * third + share * (third - 46)

    path = " ".join(f"{x(size):.1f},{y(points[size]):.1f}" for size in sizes)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for size in sizes:
        yield f'<circle cx="{x(size):.1f}" cy="{y(points[size]):.1f}" r="3" fill="{colour}"/>'
    for size, below in ((sizes[0], 17), (sizes[-1], -8)):
        value = points[size]
        text = f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
        yield _text(x(size), y(value) + below, text, "middle", colour)
        yield _text(x(size), HEIGHT + 16, f"{size:,}", "middle")
    yield _text((x(sizes[0]) + x(sizes[-1])) / 2, 40, line, "middle", colour)


class Track(NamedTuple):
    """One small plot against time: a title, and the figures in it with their names."""

    title: str
    lines: tuple[tuple[str, str], ...]


TRACKS = (
    Track("resident memory, MB", (("rss", "manager"), ("workers_rss", "workers"))),
    Track("open files", (("fds", "manager"), ("workers_fds", "workers"))),
    Track("threads", (("threads", "manager"), ("workers_threads", "workers"))),
    Track("rows, but for loads and inventories, in hundreds", (("rows", ""),)),
)
_OWN = ("load_", "inventory_chunks", "observed", "ha_charges")
"""Tables that hold a row for each thing of the pool, or for each hour of it."""


def flat_picture(seen: dict[str, Any]) -> str:
    """Return four plots against minutes, two in a row, as SVG."""
    samples = [{**one, "at": one["at"] / 60} for one in seen["samples"]]
    rows = [
        {
            "at": one["at"] / 60,
            "rows": sum(n for table, n in one["rows"].items() if not table.startswith(_OWN)) / 100,
        }
        for one in seen["counts"]
    ]
    body = []
    for index, track in enumerate(TRACKS):
        x, y = index % 2 * (WIDTH + GAP), index // 2 * (HEIGHT + GAP)
        points = rows if track.lines[0][0] == "rows" else samples
        drawn = "".join(_tracked(track, points))
        body.append(f'<g transform="translate({x} {y})">{drawn}</g>')
    return _svg(2 * (WIDTH + GAP), 2 * (HEIGHT + GAP), body)


def _tracked(track: Track, points: list[dict[str, float]]) -> Iterable[str]:
    last = points[-1]["at"]
    most = max(one[name] for one in points for name, _ in track.lines) * 1.1

    def place(one: dict[str, float], name: str) -> str:
        x = EDGE + one["at"] / last * (WIDTH - EDGE)
        return f"{x:.1f},{HEIGHT - (HEIGHT - 60) * one[name] / most:.1f}"

    yield f'<text x="{EDGE}" y="20" font-weight="bold">{escape(track.title)}</text>'
    yield _line((EDGE, HEIGHT), (WIDTH + 10, HEIGHT), "#6a6e73")
    yield _line((EDGE, 50), (EDGE, HEIGHT), "#6a6e73")
    for share in (0.5, 1.0):
        y = HEIGHT - (HEIGHT - 60) * share / 1.1
        yield _text(EDGE - 6, y + 4, f"{most / 1.1 * share:.3g}", "end")
        yield _text(EDGE + share * (WIDTH - EDGE), HEIGHT + 18, f"{last * share:.0f} min", "middle")
    for index, ((name, label), colour) in enumerate(zip(track.lines, COLOURS, strict=False)):
        path = " ".join(place(one, name) for one in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(EDGE + 8 + index * 115, 40, label, "start", COLOURS[index])


def main(file: str) -> None:
    """Write the picture and its figures."""
    last = json.loads(Path(file).read_text(encoding="utf-8").strip().splitlines()[-1])
    if "growth" in last:
        _keep("planner-growth", last["growth"], growth_picture(last["growth"]))
    elif "flat" in last:
        drawn = flat_picture(last["flat"])
        PICTURES.joinpath("flat-hour.svg").write_text(drawn, encoding="utf-8")
    else:
        _keep("inventory-scale", last["sizes"], picture(last["sizes"]))


def _keep(name: str, figures: object, drawn: str) -> None:
    text = json.dumps(figures, indent=1) + "\n"
    PICTURES.joinpath(f"{name}.json").write_text(text, encoding="utf-8")
    PICTURES.joinpath(f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
