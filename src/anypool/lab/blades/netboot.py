"""A boot service on a lab's network: addresses by DHCP, what is started by HTTP.

Both are other programs (dnsmasq, Python's own server), run in the lab's network for as long as
somebody wants them. A card that starts by PXE is told to fetch the script; so is one that a
controller sends there by `HttpBootUri`.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from anypool.boothost.render import NO_PROXY
from anypool.errors import AnypoolError, NotFound, NotSupported
from anypool.lab import outer, servers
from anypool.lab.blades import system
from anypool.lab.blades.board import Board
from anypool.lab.commands import run, search_path
from anypool.lab.places import LabPlaces, default_cache_dir, lab_places
from anypool.lab.records import KeptLab
from anypool.lab.spec import MANAGEMENT_GATEWAY
from anypool.lab.state import kept_lab

PORT = 8080
URL = f"http://{MANAGEMENT_GATEWAY}:{PORT}/boot.ipxe"
"""What cards are told to fetch."""
_START_S = 10.0
_LOOK_AGAIN_S = 0.05


@contextmanager
def serving(
    name: str,
    state_dir: Path | None,
    files: Mapping[str, Path],
    script: str,
    addresses: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Serve an iPXE script and the files it names; yield the script's address.

    `addresses` by MAC come before those that the lab means for its blades. Raises `NotSupported`
    where no such service can be, `AnypoolError` when it does not start.
    """
    places = lab_places(name, state_dir)
    enter = servers.enter_command(name, state_dir)
    kept = kept_lab(places)
    _refuse_unless_possible(kept)
    with tempfile.TemporaryDirectory(prefix="netboot-") as workspace, contextlib.ExitStack() as end:
        folder = Path(workspace)
        served = folder / "served"
        served.mkdir()
        (served / "boot.ipxe").write_text(script)
        for known, file in files.items():
            (served / known).symlink_to(file)
        config = folder / "dnsmasq.conf"
        config.write_text(_settings(folder, _addresses(kept, places) | dict(addresses or {})))
        giving = ["dnsmasq", "--keep-in-foreground", "-C", str(config)]
        sending = [sys.executable, "-m", "http.server", "-d", str(served)]
        sending += ["-b", MANAGEMENT_GATEWAY, str(PORT)]
        log = end.enter_context((folder / "log").open("w"))
        saying = [sys.executable, "-m", "anypool.boothost.advertising", "mgmt"]
        saying += _addresses(kept, places) | dict(addresses or {})
        running = [
            end.enter_context(_running([*enter, *words], log))
            for words in (giving, sending, saying)
        ]
        _wait(enter, running, folder / "log")
        yield URL


@contextmanager
def serving_system(
    name: str, state_dir: Path | None, report: Callable[[str], None]
) -> Iterator[str]:
    """Serve the lab's own system for blades, built first if need be; yield the address."""
    kept = kept_lab(lab_places(name, state_dir))
    _refuse_unless_possible(kept)
    made = system.ensure(default_cache_dir(), report)
    files = {"vmlinuz": made.kernel, "initrd.gz": made.initrd}
    with serving(name, state_dir, files, script_of(system.CMDLINE)) as url:
        yield url


def script_of(cmdline: str) -> str:
    """Return the script that starts the lab's own system with this command line."""
    return f"#!ipxe\nkernel vmlinuz {cmdline}\ninitrd initrd.gz\nboot\n"


def _refuse_unless_possible(kept: KeptLab) -> None:
    if not any(server.role == "blade" for server in kept.servers):
        raise NotFound(f"the lab {kept.name} has no blades", hint="make one with --blades")
    if outer.own_mode() != "root":
        raise NotSupported("a boot service needs root", hint="a lab without root has none")
    if not shutil.which("dnsmasq", path=search_path()):
        raise NotSupported("there is no dnsmasq", hint="apt-get install dnsmasq-base")


def _addresses(kept: KeptLab, places: LabPlaces) -> dict[str, str]:
    """Return the address of each blade, by the MAC its first card has and the one it came with."""
    found = dict[str, str]()
    for server in kept.servers:
        if server.role == "blade":
            card = Board(places.server(server.name)).read().cards[0]
            found |= {mac: server.management_address for mac in (card.permanent_mac, card.mac)}
    return found


def _settings(folder: Path, addresses: Mapping[str, str]) -> str:
    network = MANAGEMENT_GATEWAY.rpartition(".")[0]
    lines = [
        "port=0",
        "interface=mgmt",
        "bind-interfaces",
        "user=root",
        "no-ping",
        "dhcp-authoritative",
        f"dhcp-range={network}.200,{network}.250,255.255.255.0,1h",
        f"dhcp-boot={URL}",
        "dhcp-match=set:ipxe,175",
        f"dhcp-option=tag:ipxe,{NO_PROXY}",
        f"dhcp-leasefile={folder / 'leases'}",
        *(f"dhcp-host={mac},{address}" for mac, address in addresses.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def _running(argv: list[str], log: IO[str]) -> Iterator["subprocess.Popen[bytes]"]:
    running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def _wait(enter: list[str], running: list["subprocess.Popen[bytes]"], log: Path) -> None:
    """Wait until both answer; raise `AnypoolError` with what one said that ended."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if any(one.poll() is not None for one in running):
            said = log.read_text(errors="replace").splitlines()
            raise AnypoolError(f"the boot service ended: {said[-1] if said else 'no message'}")
        listening = run([*enter, "ss", "-Hlntu"], timeout_s=5).out
        if f":{PORT} " in listening and ":67 " in listening:
            return
        time.sleep(_LOOK_AGAIN_S)
    raise AnypoolError("the boot service does not start")
