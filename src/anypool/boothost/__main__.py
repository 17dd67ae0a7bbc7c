"""The command line on the boot host: run, ask, status, install, uninstall."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress

from anypool.boothost.advertising import Advertiser
from anypool.boothost.control import NAME, Control, asked, serving
from anypool.boothost.files import read_json
from anypool.boothost.installing import FOLDER, Places, install, uninstall
from anypool.boothost.keeping import BootHost
from anypool.boothost.values import Refused, Site, site_of
from anypool.boothost.web import Web

EVERY_S = 2.0
"""How often it is looked whether all is as it is to be, and made so."""
ASK_S = 1750.0
"""A copy may take long; whoever asks has a deadline of their own."""


def main() -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="anypool-boothost", description=__doc__)
    parser.add_argument("--folder", default=FOLDER, help="where everything lies")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve, for ever")
    commands.add_parser("ask", help="send one line of JSON from standard input to whoever runs")
    commands.add_parser("status", help="say how it stands")
    commands.add_parser("uninstall", help="take everything but images and disks off this host")
    setup = commands.add_parser("install", help="put it on this host and start it")
    setup.add_argument("--interface", required=True)
    setup.add_argument("--address", required=True, help="ADDRESS/PREFIX")
    setup.add_argument("--port", type=int, default=8480)
    setup.add_argument("--tftp", default="/usr/lib/ipxe", help='"" for none')
    given = parser.parse_args()
    try:
        return _COMMANDS[given.command](given)
    except Refused as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        sys.stderr.write(f"anypool-boothost: {problem}{hint}\n")
    except OSError as problem:
        sys.stderr.write(f"anypool-boothost: {problem}\n")
    return 1


def site_in(folder: str) -> Site:
    """Return where this boot host serves, as its file says; raise `Refused`."""
    try:
        return site_of(read_json(f"{folder}/site.json"))
    except (OSError, ValueError) as problem:
        raise Refused(f"{folder}/site.json: {problem}", "run `install`") from problem


def _run(given: argparse.Namespace) -> int:
    site = site_in(given.folder)
    host = BootHost(site, given.folder)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    host.make()
    web = Web((site.address, site.port), host.script, host.file, host.join)
    control = Control(host, f"{given.folder}/{NAME}")
    servers: list[Web | Control | Advertiser] = [web, control, *_advertising(host)]
    threads = [serving(one, type(one).__name__.lower()) for one in servers]
    _tell("READY=1")
    try:
        while not stop.wait(EVERY_S) and all(one.is_alive() for one in threads):
            host.make()
            _tell("WATCHDOG=1")
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        host.close()
    return 0 if stop.is_set() else 1


def _advertising(host: BootHost) -> list[Advertiser]:
    """Return who answers servers that ask for an IPv6 router; nobody where there is no IPv6."""
    try:
        return [Advertiser(host.site.interface, host.knows)]
    except OSError as problem:
        sys.stderr.write(f"anypool-boothost: servers wait for IPv6 when they start: {problem}\n")
        return []


def _tell(word: str) -> None:
    """Tell systemd, where it wants to be told."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, suppress(OSError):
            channel.sendto(word.encode(), f"\0{place[1:]}" if place[0] == "@" else place)


def _ask(given: argparse.Namespace) -> int:
    line = sys.stdin.buffer.readline()
    sys.stdout.buffer.write(asked(f"{given.folder}/{NAME}", line, ASK_S))
    return 0


def _status(given: argparse.Namespace) -> int:
    answer = json.loads(asked(f"{given.folder}/{NAME}", b'{"ask": "state"}', ASK_S))
    state = answer.get("result")
    if not isinstance(state, dict):
        raise Refused(str(answer.get("error")))
    for one in state["entries"]:
        print(f"{one['name']}: {one['macs'][0]} {one['ip']}, version {one['runs'] or '-'}")
    for one in state["targets"]:
        print(f"{one['iqn']}: {', '.join(one['sessions']) or 'nobody is logged in'}")
    print(f"dnsmasq: {state['dhcp'] or 'NOT there'}; tgtd: {'answers' * state['tgtd'] or 'SILENT'}")
    for one in state["problems"]:
        print(f"PROBLEM {one}")
    return 1 if state["problems"] else 0


def _install(given: argparse.Namespace) -> int:
    address, _, prefix = given.address.partition("/")
    tftp = given.tftp if os.path.isdir(given.tftp) else ""
    site = site_of(
        {
            "interface": given.interface,
            "address": address,
            "prefix": int(prefix) if prefix.isdigit() else 24,
            "port": given.port,
            "tftp": tftp,
        }
    )
    install(site, Places(), given.folder)
    return _status(given)


def _uninstall(given: argparse.Namespace) -> int:
    uninstall(Places(), given.folder)
    print(f"images and disks are still in {given.folder}")
    return 0


_COMMANDS = {
    "run": _run,
    "ask": _ask,
    "status": _status,
    "install": _install,
    "uninstall": _uninstall,
}

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
