"""Draw the figures of docs/explanation/balancing.md: `python -m scripts.balance_figures`.

Times are those of the machine it runs on; everything else is the same each time.
"""

import time
from math import log10
from pathlib import Path

from anypool.exchange.advice import balance_htools
from benchmarks.clusters import cluster

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
SIZES = (10, 20, 50, 100, 200, 500, 1000)
VMS_PER_HOST = 15
WIDTH, HEIGHT, EDGE = 640, 360, 60

Points = list[tuple[float, float]]


def main() -> None:
    """Write both figures."""
    times: Points = []
    for hosts in SIZES:
        text = cluster(hosts, VMS_PER_HOST, 1)
        begin = time.perf_counter()
        balance_htools(text)
        times.append((hosts, time.perf_counter() - begin))
        print(f"{hosts} hosts: {times[-1][1]:.3f} s", flush=True)
    advice = balance_htools(cluster(100, VMS_PER_HOST, 1))
    ends = {move.step: move for move in advice.moves}
    scores: Points = [(0, advice.before), *((one.number, one.score) for one in ends.values())]
    title = f"seconds to a local optimum, by hosts, {VMS_PER_HOST} VMs each"
    (PICTURES / "balance-time.svg").write_text(_figure(title, times, log_x=True))
    title = "score after each step, by moves, 100 hosts and 1,500 VMs"
    (PICTURES / "balance-score.svg").write_text(_figure(title, scores, log_x=False))


def _figure(title: str, points: Points, *, log_x: bool) -> str:
    """Return an SVG of a line; the vertical axis has steps of ten."""
    across = [log10(x) if log_x else x for x, _ in points]
    up = [log10(max(y, 1e-6)) for _, y in points]
    left, right = min(across), max(across)
    low, high = int(min(up) // 1), int(-(-max(up) // 1))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            EDGE + (x - left) / (right - left) * (WIDTH - 2 * EDGE),
            HEIGHT - EDGE - (y - low) / (high - low) * (HEIGHT - 2 * EDGE),
        )

    line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in zip(across, up, strict=True))
    marks = [
        _mark(EDGE - 8, place(left, ten)[1] + 4, f"{10.0**ten:g}", "end")
        for ten in range(low, high + 1)
    ]
    grid = [
        f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        for ten in range(low, high + 1)
        for _, y in (place(left, ten),)
    ]
    shown = points if log_x else points[:: max(1, len(points) // 6)]
    for x, _ in shown:
        at = place(log10(x) if log_x else x, low)
        marks.append(_mark(at[0], at[1] + 18, f"{x:g}", "middle"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _mark(WIDTH / 2, 28, title, "middle"),
        *grid,
        f'<polyline points="{line}" fill="none" stroke="#0b6" stroke-width="2"/>',
        *marks,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _mark(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222">{text}</text>'


if __name__ == "__main__":
    main()
