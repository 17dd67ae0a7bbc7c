"""Loads over time, drawn in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from anypool.cli.client import Json, key
from anypool.cli.connection import Where, connected
from anypool.cli.output import show_one, table
from anypool.cli.terminal import clean, out
from anypool.cli.words import mib, moment, size, to_seconds

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_HIGH = 8
_NARROW = 40


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Period:
    """What is shown of the past."""

    since: Annotated[str, Parameter(help="how long ago it begins, such as 30m, 24h, 7d, 1y")] = "1h"
    until: Annotated[str, Parameter(help="how long ago it ends, such as 2h; now if left out")] = ""
    step: Annotated[
        str, Parameter(help="time of one value, such as 5m; one that fits if left out")
    ] = ""
    metric: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="such as cpu_percent; may be repeated; all if left out"),
    ] = ()


LAST_HOUR = Period()


def show_history(path: str, name: str, period: Period, where: Where) -> None:
    """Print the loads of a host or VM: a line for each metric, plots with `-o wide`, or data."""
    query = {
        "since": -to_seconds(period.since),
        "until": -to_seconds(period.until) if period.until else 0,
        "step": to_seconds(period.step) if period.step else 0,
        "metric": ",".join(period.metric),
    }
    with connected(where) as client:
        found = client.get(f"{path}/{key(name)}/history", **query)
    if where.output in ("table", "wide"):
        _draw(found, wide=where.output == "wide")
    else:
        show_one(found, (), where.output)


def _draw(found: Json, *, wide: bool) -> None:
    times = found["times"]
    end = times[-1] + found["step_s"]
    span = f"{moment(times[0])} to {moment(end)}, each {_span(found['step_s'])}"
    head = f"{clean(found['name'])}  {span}"
    out().print(head, markup=False, highlight=False)
    metrics = found["metrics"]
    known = [column for column in metrics.values() if column["whole"]["samples"]]
    if not known:
        out().print("nothing was measured in this time", markup=False)
        return
    titles = ["METRIC", "MEAN", "P50", "P95", "MAX", "OVER TIME"][: 5 if wide else 6]
    cells = [_cells(name, column)[: len(titles)] for name, column in metrics.items()]
    table(titles, cells)
    for name, column in metrics.items() if wide else ():
        if column["whole"]["samples"]:
            _plot(name, column)


def _cells(name: str, column: Json) -> list[str]:
    whole = column["whole"]
    figures = [_amount(name, whole[one]) for one in ("mean", "p50", "p95", "max")]
    return [name, *figures, spark(_fitted(column["max"], _NARROW))]


def _plot(name: str, column: Json) -> None:
    """Print one metric as bars, eight lines high; a gap is an empty column with a dot."""
    width = max(_NARROW, min(out().width - 14, 120))
    values = _fitted(column["max"], width)
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    out().print(Text(f"\n{name}, highest of each time", style="bold"))
    for line in range(_HIGH, 0, -1):
        label = _amount(name, most * line / _HIGH) if line in (_HIGH, _HIGH // 2) else ""
        bars = "".join(_cell(value, most, line) for value in values)
        out().print(f"{label:>11} {bars}".rstrip(), markup=False, highlight=False)


def _cell(value: float | None, most: float, line: int) -> str:
    if value is None:
        return _GAP if line == 1 else " "
    eighths = round(value / most * _HIGH * len(_BARS)) - (line - 1) * len(_BARS)
    if eighths <= 0:
        return _BARS[0] if line == 1 else " "
    return _BARS[min(eighths, len(_BARS)) - 1]


def spark(values: Sequence[float | None]) -> str:
    """Return values as bars of one line, from 0 to the largest; a dot for a gap."""
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    top = len(_BARS) - 1
    return "".join(_GAP if value is None else _BARS[round(value / most * top)] for value in values)


def _fitted(values: Sequence[float | None], width: int) -> list[float | None]:
    """Return at most `width` values, each the highest of its share."""
    size = min(width, len(values))
    found: list[float | None] = []
    for place in range(size):
        share = values[place * len(values) // size : (place + 1) * len(values) // size]
        found.append(max((one for one in share if one is not None), default=None))
    return found


def _amount(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name.endswith("_percent"):
        return f"{value:.1f} %"
    if name.endswith("_mib"):
        return mib(round(value))
    return f"{size(round(value))}/s"


def _span(seconds: int) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
