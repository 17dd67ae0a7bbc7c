"""`anypool pool hardware`: what other servers would do for a pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.files import parsed
from anypool.cli.hardware_picture import picture
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.pool_consolidate import USUALLY, Counted
from anypool.cli.terminal import note
from anypool.errors import Invalid

_FIELDS = ("name", "count", "cpus", "memory", "watts", "price")
_EXAMPLE = "- {name: new, count: 4, cpus: 64, memory: 512GiB, watts: 350..800, price: 9000}"


@Parameter(name="*", group="What is compared")
@dataclass(frozen=True, kw_only=True)
class Other:
    """Which servers could come and which hosts go."""

    servers: Annotated[
        tuple[str, ...],
        Parameter(
            name="--with",
            negative="",
            help="a kind of server, or a YAML file with several; may be repeated: "
            '"4x new: 64 cpus, 512GiB, 350W..800W, 9000 EUR"',
        ),
    ] = ()
    without: Annotated[str, Parameter(help="a search for the hosts that go, such as tag = old")] = (
        ""
    )


NOTHING = Other()


def hardware(
    name: str,
    /,
    *,
    other: Other = NOTHING,
    counted: Counted = USUALLY,
    picture_to: Annotated[
        Path | None, Parameter(name="--picture", help="draw it into this SVG file")
    ] = None,
    where: Where = HERE,
) -> None:
    """Say how many of which servers would carry a pool, what they draw and when they pay back.

    Such as `anypool pool hardware default --with "64 cpus, 512GiB, 350W..800W, 9000 EUR"
    --without "tag = old"`. Nothing is done. A number in front, `4x`, says how many there are at
    most; without watts or price these stay unknown.
    """
    servers = "; ".join(line for one in other.servers for line in _lines(one))
    query = {**counted.query, "with": servers, "without": other.without}
    with connected(where) as client:
        found = client.get(f"/pools/{key(name)}/hardware", **query)
    if picture_to is not None:
        picture_to.write_text(picture(name, found), encoding="utf-8")
    if where.output in ("json", "yaml"):
        show_one(found, (), where.output)
    else:
        show_list(found["variants"], _columns(found["currency"]), where.output)
        for one in found["notes"]:
            note(f"{one['text'][:1].upper()}{one['text'][1:]}.")
    if picture_to is not None:
        note(f"Drawn into {picture_to}.")


def _columns(currency: str) -> tuple[Column, ...]:
    money = currency.upper() or "MONEY"
    return (
        Column("NAME", lambda one: one["name"]),
        Column("HOSTS", lambda one: one["hosts"]),
        Column("KEPT", lambda one: one["kept"]),
        Column("BOUGHT", lambda one: [f"{b['count']}x {b['server']}" for b in one["bought"]]),
        Column("SPARE", lambda one: one["spare"], wide=True),
        Column("BOUND", lambda one: one["bound"] or "-", wide=True),
        Column("KWH/YEAR", lambda one: amount(one["kwh"])),
        Column(f"{money}/YEAR", lambda one: amount(one["money"])),
        Column("CO2 KG/YEAR", lambda one: amount(one["co2_kg"]), wide=True),
        Column("PURCHASE", lambda one: amount(one["purchase"])),
        Column("PAID BACK", paid_back),
        Column("CARRIES", carries),
    )


def carries(variant: Json) -> str:
    """Return whether a way carries all VMs, also after the failures that were asked for."""
    if not variant["carries"]:
        return str(variant["why"])
    return "all VMs" if variant["survives"] else "all VMs, but not after a failure"


def amount(value: float | None) -> str:
    """Return an amount with thousands marked, `unknown` for one that nobody knows."""
    return "unknown" if value is None else f"{value:,.0f}"


def paid_back(variant: Json) -> str:
    """Return when a purchase has paid for itself."""
    if not variant["bought"]:
        return "-"
    if variant["pays_back"] is None:
        return "unknown"
    years = variant["payback_years"]
    return "never" if years is None else f"after {years:.1f} years"


def _lines(text: str) -> Iterator[str]:
    """Yield what was said as a line each; a YAML file may hold several."""
    if not text.endswith((".yaml", ".yml")):
        yield text
        return
    for number, entry in enumerate(_entries(Path(text)), 1):
        if not isinstance(entry, dict) or not {"cpus", "memory"} <= entry.keys():
            raise Invalid(f"{text}: server {number} has no cpus or no memory", hint=_EXAMPLE)
        if strange := sorted(set(map(str, entry)) - set(_FIELDS)):
            raise Invalid(f"{text}: server {number}: {strange[0]!r} is not known", hint=_EXAMPLE)
        yield _line(entry)


def _entries(file: Path) -> list[Any]:
    found = parsed(file, _EXAMPLE)
    if not isinstance(found, list):
        raise Invalid(f"{file} is no list of servers", hint=_EXAMPLE)
    return found


def _line(entry: Json) -> str:
    count = f"{entry['count']}x " if entry.get("count") else ""
    name = f"{entry['name']}: " if entry.get("name") else ""
    watts = f", {str(entry['watts']).removesuffix('W')}W" if entry.get("watts") else ""
    price = f", {entry['price']}" if entry.get("price") is not None else ""
    return f"{count}{name}{entry['cpus']} cpus, {entry['memory']}{watts}{price}"
