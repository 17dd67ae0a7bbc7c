"""What hosts draw and what a kWh costs: the administrator's word, read from a file when asked.

The file is YAML: `currency`, `price` and `co2_g` of a kWh, or `hours`, a CSV file beside it
with a row for each hour of a day (0 to 23), of a week (0 to 167, Monday 00:00 UTC first) or of
a time series; and `watts`, a list of queries for hosts with what those draw.
"""

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from anypool.errors import AnypoolError, Invalid
from anypool.model import HOURS, Host, HostId, Inventory, Tariff, Watts
from anypool.model.curve import FIRST_HOUR, HOUR_S
from anypool.model.energy import NO_TARIFF
from anypool.scenario.page import Item, parse_page
from anypool.search import Noun, Query, parse

LARGEST_FILE = 16 << 20
_PARTS = ("currency", "price", "co2_g", "hours", "watts")
_WATTS = ("hosts", "idle", "full", "off")
_EXAMPLE = "watts: [{hosts: 'tag = new', idle: 120, full: 400, off: 8}]"


class Energy(Struct, frozen=True, kw_only=True):
    """What was said: the tariff, and watts with the query for the hosts they are of."""

    tariff: Tariff = NO_TARIFF
    watts: tuple[tuple[Query, Watts], ...] = ()

    def of(self, hosts: list[Host], inventory: Inventory) -> dict[HostId, Watts]:
        """Return the watts of hosts, the first query that matches counts; others are unknown."""
        found: dict[HostId, Watts] = {}
        for query, watts in self.watts:
            for host in query.filter(hosts, inventory):
                found.setdefault(host.id, watts)
        return found


NOTHING = Energy()


def read_energy(path: Path, *, named: bool) -> Energy:
    """Return what a file says; raise `Invalid` with file and line for what is not understood.

    A file that is not there says nothing, unless it was `named` in the settings.
    """
    if not named and not path.exists():
        return NOTHING
    parts = _mapping(parse_page(path.name, _text(path)), _PARTS)
    currency = parts["currency"].text().strip() if "currency" in parts else ""
    if len(currency) > 8:
        raise parts["currency"].wrong("a currency is a short word", hint="such as EUR")
    price, co2 = (_amount(parts.get(name)) for name in ("price", "co2_g"))
    hours: dict[str, tuple[float, ...]] = {}
    if "hours" in parts:
        file = path.parent / parts["hours"].text()
        hours = read_hours(file.name, _text(file))
    tariff = Tariff(
        price=hours.get("price", (price,) * HOURS if price is not None else ()),
        co2_g=hours.get("co2_g", (co2,) * HOURS if co2 is not None else ()),
        currency=currency,
    )
    watts = tuple(map(_watts, parts["watts"].entries())) if "watts" in parts else ()
    return Energy(tariff=tariff, watts=watts)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"{path} is larger than {LARGEST_FILE >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise Invalid(message, hint="the setting energy_file names it") from error


def _mapping(item: Item, names: tuple[str, ...]) -> dict[str, Item]:
    parts = dict(item.mapping())
    for name, inner in parts.items():
        if name not in names:
            raise inner.wrong(f"{name!r} is not understood", hint=f"there are {', '.join(names)}")
    return parts


def _amount(item: Item | None) -> float | None:
    if item is None:
        return None
    try:
        found = float(item.text())
    except ValueError:
        found = math.nan
    if not 0 <= found < 1e9:
        raise item.wrong(f"{item.text()[:40]!r} is no amount", hint="a number, zero or more")
    return found


def _watts(item: Item) -> tuple[Query, Watts]:
    parts = _mapping(item, _WATTS)
    idle, full, off = (_amount(parts.get(name)) for name in ("idle", "full", "off"))
    if idle is None or full is None:
        raise item.wrong("idle and full watts are wanted", hint=_EXAMPLE)
    if not (off or 0.0) <= idle <= full:
        raise item.wrong("a host draws least when off and most when busy", hint=_EXAMPLE)
    try:
        query = parse(parts["hosts"].text() if "hosts" in parts else "", Noun.HOST)
    except AnypoolError as error:
        raise item.wrong(error.message, hint=error.hint) from error
    return query, Watts(idle=idle, full=full, off=off or 0.0)


def read_hours(name: str, text: str) -> dict[str, tuple[float, ...]]:
    """Return the price and the CO2 of each hour of the week from a CSV file, as far as it has them.

    Its first line names the columns: `hour` or `time` (ISO 8601, UTC if no zone is named), and
    `price`, `co2_g` or both. Raise `Invalid` with file and line.
    """
    rows = list(csv.reader(io.StringIO(text)))
    head = [cell.strip() for cell in rows[0]] if rows else []
    at = "time" if "time" in head else "hour"
    columns = [one for one in ("price", "co2_g") if one in head]
    if at not in head or not columns:
        raise Invalid(f"{name}:1: no columns", hint="begin with `hour,price` or `time,price,co2_g`")
    sums = {column: [0.0] * HOURS for column in columns}
    counts = [0] * HOURS
    for line, row in enumerate(rows[1:], 2):
        if not "".join(row).strip():
            continue
        try:
            cells = dict(zip(head, row, strict=True))
            amounts = {column: float(cells[column]) for column in columns}
            hours = list(_hours(at, cells[at].strip(), len(rows) <= 25))
        except ValueError as error:
            hint = "an hour is 0 to 167, a time is like 2026-01-31T14:00"
            raise Invalid(f"{name}:{line}: {error}", hint=hint) from error
        if not all(map(math.isfinite, amounts.values())):
            raise Invalid(f"{name}:{line}: an amount is no number")
        for hour in hours:
            counts[hour] += 1
            for column in columns:
                sums[column][hour] += amounts[column]
    missing = counts.count(0)
    if missing:
        hint = "24 rows for a day, 168 for a week, or a time series of a week and more"
        raise Invalid(f"{name}: {missing} hours of the week have no row", hint=hint)
    return {
        column: tuple(total / count for total, count in zip(sums[column], counts, strict=True))
        for column in columns
    }


def _hours(kind: str, cell: str, daily: bool) -> Iterator[int]:
    """Yield the hours of the week that a row is about."""
    if kind == "time":
        moment = datetime.fromisoformat(cell)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        yield (int(moment.timestamp()) // HOUR_S + FIRST_HOUR) % HOURS
        return
    hour = int(cell)
    if not 0 <= hour < (24 if daily else HOURS):
        raise ValueError(f"there is no hour {hour}")
    yield from range(hour, HOURS, 24) if daily else (hour,)
