"""Servers that could be had, in a line each: `4x new: 64 cpus, 512GiB, 350W..800W, 9000 EUR`."""

import re

from anypool.errors import Invalid
from anypool.model import Watts
from anypool.model.units import MIB, format_mib, parse_size
from anypool.planner.fewest.hardware import Server

MOST = 20
"""Kinds of servers that are compared at most."""

_HEAD = re.compile(r"\s*(?:(\d{1,6})\s*x\s*)?(?:([^\W\d][\w .-]{0,39}):)?(.*)", re.DOTALL)
_CPUS = re.compile(r"(\d{1,5})\s*cpus?", re.IGNORECASE)
_SIZE = re.compile(r"\d+(?:\.\d+)?\s*[KMGT]iB")
_WATTS = re.compile(r"(\d+(?:\.\d+)?)\s*W?\s*\.\.\s*(\d+(?:\.\d+)?)\s*W", re.IGNORECASE)
_PRICE = re.compile(r"(\d+(?:\.\d+)?)\s*[^\W\d]{0,8}")
_PARTS = (("cpus", _CPUS), ("size", _SIZE), ("watts", _WATTS), ("price", _PRICE))
_FORM = "such as `4x new: 64 cpus, 512GiB, 350W..800W, 9000 EUR`; watts and price may be left out"


def read_servers(text: str) -> tuple[Server, ...]:
    """Return the servers of a text, separated by semicolons; raise `Invalid`.

    A number in front says how many there are at most, a name what they are called.
    """
    parts = [part for part in text.split(";") if part.strip()]
    if len(parts) > MOST:
        raise Invalid(f"{len(parts)} kinds of servers are too many", hint=f"at most {MOST}")
    servers = tuple(map(read_server, parts))
    names = [server.name for server in servers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Invalid(
            f"two kinds of servers are called {twice!r}", hint="write `NAME: 64 cpus, ...`"
        )
    return servers


def read_server(text: str) -> Server:
    """Return one kind of server; raise `Invalid` for a line that says something else."""
    found = _HEAD.fullmatch(text)
    if found is None:
        raise _wrong(text)
    count, name, rest = found.groups()
    said: dict[str, re.Match[str]] = {}
    for part in rest.split(","):
        found_as = ((kind, form.fullmatch(part.strip())) for kind, form in _PARTS)
        kind, match = next((pair for pair in found_as if pair[1]), ("", None))
        if match is None or kind in said:
            raise _wrong(part.strip() or text)
        said[kind] = match
    if "cpus" not in said or "size" not in said:
        raise _wrong(text)
    cpus, memory = int(said["cpus"][1]), parse_size(said["size"][0].replace(" ", "")) // MIB
    watts = _watts(said["watts"]) if "watts" in said else None
    if not (cpus and memory) or count == "0":
        raise _wrong(text)
    return Server(
        name=name.strip() if name else f"{cpus} cpus, {format_mib(memory)}",
        cpus=cpus,
        memory_mib=memory,
        count=int(count or 0),
        watts=watts,
        price=float(said["price"][1]) if "price" in said else None,
    )


def _watts(found: re.Match[str]) -> Watts:
    idle, full = float(found[1]), float(found[2])
    if idle > full:
        raise Invalid(f"{found[0]!r}: a server draws more when it is busy", hint=_FORM)
    return Watts(idle=idle, full=full)


def _wrong(text: str) -> Invalid:
    return Invalid(f"{text.strip()[:80]!r} is no server", hint=_FORM)
