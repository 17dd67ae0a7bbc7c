"""`anypool server discover`: which BMCs there are at some addresses, without any login."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.progress import progress
from anypool.errors import Invalid

COLUMNS = (
    Column("ADDRESS", lambda one: one["address"]),
    Column("REDFISH", lambda one: one["redfish"] or "-"),
    Column("IPMI", lambda one: one["ipmi"]),
    Column("PRODUCT", lambda one: one["product"]),
    Column("SERVER", lambda one: one["server"] or "new"),
    Column("FINGERPRINT", lambda one: one["fingerprint"]),
    Column("UUID", lambda one: one["uuid"], wide=True),
)
_EVERY_S = 0.3
_LONGEST = 32 << 20
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+", re.IGNORECASE)
_LEASE = re.compile(r"\s*lease\s+(\S+)\s*\{")
Port = Annotated[int, Parameter(help="port of Redfish")]
IpmiPort = Annotated[int, Parameter(help="port of IPMI")]


def discover(
    *ranges: Annotated[str, Parameter(help="10.0.0.0/24, 10.0.0.5-40 or 10.0.0.9")],
    dhcp: Annotated[
        str, Parameter(help="file with the leases of dnsmasq, ISC dhcpd or Kea: look at those")
    ] = "",
    port: Port = 443,
    ipmi_port: IpmiPort = 623,
    where: Where = HERE,
) -> None:
    """Look for BMCs at addresses: who answers Redfish or IPMI, and with which certificate.

    Nobody logs in, nothing is changed there, and nothing is kept: `anypool server adopt` does.
    """
    addresses = list(leased(dhcp)) if dhcp else []
    if not ranges and not addresses:
        hint = "such as `anypool server discover 10.0.0.0/24`, or --dhcp FILE"
        raise Invalid("there is no address to look at", hint=hint)
    body: Json = {"ranges": ",".join(ranges), "addresses": addresses}
    body |= {"redfish_port": port, "ipmi_port": ipmi_port}
    with connected(where) as client:
        search = client.post("/server-searches", body)
        path = f"/server-searches/{key(search['id'])}"
        with progress("addresses") as report:
            while not search["ended"]:
                report("looked at", search["done"], search["addresses"])
                time.sleep(_EVERY_S)
                search = client.get(path)
        show_list(search["found"], COLUMNS, where.output)


def leased(file: str) -> Iterator[str]:
    """Yield the addresses in a file of leases; raise `Invalid` for a file that has none."""
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as lines:
            found = dict.fromkeys(filter(None, map(address_in, lines.read(_LONGEST).splitlines())))
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}", hint="is it the file of leases?") from error
    if not found:
        hint = "it is to be the file of leases of dnsmasq, ISC dhcpd or Kea"
        raise Invalid(f"{file} holds no leases", hint=hint)
    yield from found


def address_in(line: str) -> str:
    """Return the address of a line of leases, "" where there is none.

    ISC dhcpd writes `lease 10.0.0.9 {`, Kea `10.0.0.9,MAC,...`, and dnsmasq
    `TIME MAC 10.0.0.9 NAME ID`.
    """
    if found := _LEASE.match(line):
        return found[1] if _IP.fullmatch(found[1]) else ""
    first = line.split(",", 1)[0].strip()
    if "," in line and _IP.fullmatch(first):
        return first
    parts = line.split()
    if len(parts) >= 4 and parts[0].isdecimal() and _IP.fullmatch(parts[2]):
        return parts[2]
    return ""
