"""The lab's two networks: bridges, the servers' links to them, and cuts.

Every function here runs inside the lab's outer network namespace.
"""

import os
import re

from anypool.errors import AnypoolError, Invalid
from anypool.lab.bridge_helper import tap_names
from anypool.lab.commands import run
from anypool.lab.libvirt_files import BRIDGE
from anypool.lab.records import KeptLab
from anypool.lab.spec import DATA_GATEWAY, MANAGEMENT_GATEWAY, Server

_TIMEOUT_S = 10.0
_MANAGEMENT, _DATA = "mgmt", "data"
_CABLE = "06"
"""Begins the hardware address of a blade's cable, whose card has the one of the server."""


def make_networks(kept: KeptLab) -> None:
    """Make both outer bridges, with the manager's and the BMCs' addresses on them."""
    _ip(
        "link set lo up",
        f"link add {_MANAGEMENT} type bridge",
        f"link add {_DATA} type bridge",
        f"addr add {MANAGEMENT_GATEWAY}/24 dev {_MANAGEMENT}",
        f"addr add {DATA_GATEWAY}/16 dev {_DATA}",
        *(f"addr add {server.bmc_address}/24 dev {_MANAGEMENT}" for server in kept.servers),
        *(f"link set {bridge} type bridge forward_delay 0" for bridge in (_MANAGEMENT, _DATA)),
        f"link set {_MANAGEMENT} up",
        f"link set {_DATA} up",
    )


def connect(server: Server, pid: int) -> None:
    """Plug eth0 and eth1 of the namespace of process `pid` into the two networks."""
    lines = []
    first = {"blade": _CABLE}.get(server.role, "")
    for outer, inner, bridge, mac in (
        (_port(server, _MANAGEMENT), "eth0", _MANAGEMENT, server.management_mac),
        (_port(server, _DATA), "eth1", _DATA, server.data_mac),
    ):
        mac = f"{first}{mac[len(first) :]}"
        lines += [
            f"link add {outer} type veth peer name {inner} address {mac} netns {pid}",
            f"link set {outer} master {bridge} up",
        ]
    _ip(*lines)


def disconnect(server: Server) -> None:
    """Remove both links of a server, whether or not they are there."""
    for bridge in (_MANAGEMENT, _DATA):
        run(["ip", "link", "del", _port(server, bridge)], timeout_s=_TIMEOUT_S)


def configure_inside(server: Server, *, rootless: bool, netstart: bool = False) -> None:
    """Give a server its addresses and its bridge; runs in the server's own namespace.

    One that starts from the network asks for the first of them by itself. A session daemon's
    guests cannot make their own taps, so it gets some in advance.
    """
    taps = tap_names() if rootless else []
    _ip(
        "link set lo up",
        *(() if netstart else (f"addr add {server.management_address}/24 dev eth0",)),
        "link set eth0 up",
        f"link add {BRIDGE} type bridge",
        f"link set eth1 master {BRIDGE} up",
        f"addr add {server.data_address}/16 dev {BRIDGE}",
        f"link set {BRIDGE} up",
        *(f"tuntap add {tap} mode tap user {os.getuid()}" for tap in taps),
        *(f"link set {tap} master {BRIDGE} up" for tap in taps),
    )


def cable_inside(taps: tuple[str, str]) -> None:
    """Plug a blade's cards, each a tap, into its two cables; runs in the blade's own namespace."""
    lines = ["link set lo up"]
    for number, tap in enumerate(taps):
        lines += [
            f"link add lan{number} type bridge",
            f"link set lan{number} type bridge forward_delay 0",
            f"tuntap add {tap} mode tap user {os.getuid()}",
            *(f"link set {port} master lan{number} up" for port in (f"eth{number}", tap)),
            f"link set lan{number} up",
        ]
    _ip(*lines)


def refuse_rules(server: Server, wanted: str) -> None:
    """Raise `Invalid` for a cut that this server cannot have: what a blade gets is not filtered."""
    if server.role == "blade" and wanted not in ("full", _MANAGEMENT, _DATA):
        raise Invalid(f"{server.name} is a blade: {wanted} cannot be cut", hint="full, mgmt, data")


def cut(server: Server, pid: int, cuts: frozenset[str], kept: KeptLab) -> None:
    """Put exactly `cuts` in force on the server whose first process is `pid`; none = heal."""
    rules = [rule for wanted in sorted(cuts) for rule in rules_of(wanted, kept)]
    assert not rules or server.role != "blade"
    down = {name for wanted in cuts for name in _links_of(wanted)}
    _filter(pid, rules)
    _ip(
        *(
            f"link set {_port(server, name)} {'down' if name in down else 'up'}"
            for name in (_MANAGEMENT, _DATA)
        )
    )


def rules_of(wanted: str, kept: KeptLab) -> list[str]:
    """The packet filter rules of one cut; raises `Invalid` for a mode there is not.

    `full`, `mgmt` and `data` are links, not rules; `port:N` is a TCP port of this server;
    `from:SERVER` and `from:SERVER:PORT` drop what that server sends here.
    """
    if wanted in ("full", _MANAGEMENT, _DATA):
        return []
    kind, _, rest = wanted.partition(":")
    if kind == "port" and _is_port(rest):
        return [
            f"-A lab-in -p tcp --dport {rest} -j DROP",
            f"-A lab-out -p tcp --sport {rest} -j DROP",
        ]
    if kind == "from":
        name, _, port = rest.partition(":")
        if not port or _is_port(port):
            sender = kept.server(name)
            match = f"-p tcp --sport {port} " if port else ""
            return [
                f"-A lab-in -s {address} {match}-j DROP"
                for address in (sender.management_address, sender.data_address)
            ]
    raise Invalid(
        f"there is no partition {wanted!r}",
        hint="use full, mgmt, data, port:NUMBER, from:SERVER or from:SERVER:PORT",
    )


def _links_of(wanted: str) -> tuple[str, ...]:
    return {"full": (_MANAGEMENT, _DATA), _MANAGEMENT: (_MANAGEMENT,), _DATA: (_DATA,)}.get(
        wanted, ()
    )


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", text)) and 0 < int(text) < 65536


def _filter(pid: int, rules: list[str]) -> None:
    """Replace the rules in the server's own two chains, which are made the first time."""
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", "--"]
    jumps = []
    for builtin, chain in (("INPUT", "lab-in"), ("OUTPUT", "lab-out")):
        probe = run([*inside, "iptables", "-C", builtin, "-j", chain], timeout_s=_TIMEOUT_S)
        if probe.code != 0:
            jumps.append(f"-I {builtin} -j {chain}")
    if jumps and not rules:
        return
    lines = ["*filter", ":lab-in - [0:0]", ":lab-out - [0:0]", *jumps, *rules, "COMMIT", ""]
    done = run([*inside, "iptables-restore", "-n"], timeout_s=_TIMEOUT_S, text="\n".join(lines))
    if done.code != 0:
        raise AnypoolError(f"the packet filter refused the cut: {done.last_line()}")


def _port(server: Server, bridge: str) -> str:
    return f"{server.name}-{bridge}"


def _ip(*lines: str) -> None:
    done = run(["ip", "-batch", "-"], timeout_s=_TIMEOUT_S, text="\n".join((*lines, "")))
    if done.code != 0:
        raise AnypoolError(f"the lab's network could not be made: {done.err.strip()}")
