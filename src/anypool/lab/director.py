"""The lab's director: the one process that switches, freezes and cuts the lab's servers."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict
from anypool.lab import netstart, network, power, wardens
from anypool.lab.blades.board import Board
from anypool.lab.blades.orders import press_button
from anypool.lab.commands import run
from anypool.lab.control import Reply, Request
from anypool.lab.libvirt_files import DaemonFolders
from anypool.lab.places import LabPlaces
from anypool.lab.processes import is_stopped, pids_by_namespace, pids_in
from anypool.lab.records import KeptLab, ServerState
from anypool.lab.spec import Server
from anypool.lab.standin import StandIns

_LIBVIRT_TIMEOUT_S = 60.0
_CALL_TIMEOUT_S = 20.0
_COMPLETE = "pool-refresh shared; domcapabilities"


class Director:
    """Carries out orders on the servers; orders on one server wait for each other."""

    def __init__(self, kept: KeptLab, places: LabPlaces) -> None:
        self._kept = kept
        self._places = places
        self._pids: dict[str, int] = {}
        self._namespaces: dict[str, int] = {}
        self._cuts: dict[str, frozenset[str]] = {}
        self._emulated: set[str] = set()
        self._record = threading.Lock()
        self._locks = {server.name: threading.Lock() for server in kept.servers}
        self._stand_ins = StandIns(
            {one.name: wardens.pipe(places, one) for one in kept.servers if kept.has_warden(one)},
            self._bite,
        )
        self._write_namespaces()

    def watch(self) -> None:
        """Be the watchdog of all servers that have a warden, for ever."""
        if self._kept.wardens:
            self._stand_ins.run()

    def obey(self, request: Request) -> Reply:
        """Carry out one order; errors become part of the reply."""
        try:
            if request.operation != "status":
                self._obey(request)
            return Reply(servers=self._states())
        except AnypoolError as problem:
            kind = type(problem).__name__
            return Reply(error=kind, message=problem.message, hint=problem.hint)

    def boot_hosts(self, report: Callable[[str], None]) -> None:
        """Boot every host, in parallel, and wait until each libvirt answers.

        What QEMU can do is found out once per machine by the first host (some seconds) and
        given to all later ones.
        """
        hosts = [server for server in self._kept.servers if server.role == "host"]
        if not hosts:
            return
        if not any(Path(self._kept.seed_dir).glob("*.xml")):
            report("finding out what this QEMU can do (once per machine)")
            self._boot_and_wait(hosts[0])
            self._keep_seed(hosts[0])
        with ThreadPoolExecutor(max_workers=len(hosts)) as workers:
            list(workers.map(self._boot_and_wait, hosts))
        self._keep_seed(hosts[0])

    def _boot_and_wait(self, server: Server) -> None:
        self._obey(Request(operation="on", server=server.name))
        wait_for_libvirt(server, rootless=self._kept.rootless)

    def _obey(self, request: Request) -> None:
        server = self._kept.server(request.server)
        deeds: dict[str, Callable[[Server], None]] = {
            "on": lambda server: self._on(server, request.mode),
            "off": self._off,
            "shutdown": self._shut_down,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "partition": lambda server: self._cut(server, request.mode),
            "heal": self._heal,
        }
        with self._locks[server.name]:
            deeds[request.operation](server)

    def _on(self, server: Server, mode: str) -> None:
        if self._running(server):
            return
        server = self._as_it_starts(server, mode)
        if server.role != "blade":
            self._plant_seed(server)
        self._pids[server.name] = power.start(
            self._places, server, lambda namespace: self._note(server, namespace), mode
        )

    def _as_it_starts(self, server: Server, mode: str) -> Server:
        """Return a server as a blade where it runs on emulated hardware this time."""
        if not (self._kept.firmware and mode == netstart.WORD):
            self._emulated.discard(server.name)
            return server
        self._emulated.add(server.name)
        return replace(server, role="blade")

    def _is_emulated(self, server: Server) -> bool:
        return server.role == "blade" or server.name in self._emulated

    def _off(self, server: Server) -> None:
        namespace = self._namespaces.get(server.name)
        was_on = bool(self._running(server))
        if namespace is not None:
            power.end(server, namespace, self._pids[server.name])
        if was_on and self._is_emulated(server):
            self._board(server).note("power-off", "the blade is switched off")
        self._stand_ins.calm(server.name)
        self._note(server, None)

    def _bite(self, name: str) -> None:
        """End a server that fed its watchdog no more, as a reset would."""
        print(
            f"the watchdog of {name} was not fed: it is switched off", file=sys.stderr, flush=True
        )
        server = self._kept.server(name)
        with self._locks[name]:
            if self._running(server):
                self._off(server)

    def _shut_down(self, server: Server) -> None:
        if self._is_emulated(server):
            self._running_namespace(server)
            press_button(self._board(server))
            return
        if self._running(server):
            power.shut_down(server, self._namespaces[server.name], self._pids[server.name])
        self._off(server)

    def _freeze(self, server: Server) -> None:
        power.freeze(server, self._running_namespace(server))

    def _thaw(self, server: Server) -> None:
        power.thaw(self._running_namespace(server))

    def _cut(self, server: Server, mode: str) -> None:
        network.refuse_rules(server, mode)
        network.rules_of(mode, self._kept)
        self._set_cuts(server, self._cuts.get(server.name, frozenset()) | {mode})

    def _heal(self, server: Server) -> None:
        self._set_cuts(server, frozenset())

    def _set_cuts(self, server: Server, cuts: frozenset[str]) -> None:
        self._running_namespace(server)
        network.cut(server, self._pids[server.name], cuts, self._kept)
        self._cuts[server.name] = cuts

    def _states(self) -> tuple[ServerState, ...]:
        namespaces = dict(self._namespaces)
        found = pids_by_namespace(namespaces.values())
        pids = {server: found[namespace] for server, namespace in namespaces.items()}
        return tuple(self._state(one, pids.get(one.name, ())) for one in self._kept.servers)

    def _state(self, server: Server, pids: tuple[int, ...]) -> ServerState:
        return ServerState(
            name=server.name,
            power="on" if pids else "off",
            frozen=bool(pids) and all(map(is_stopped, pids)),
            partitions=tuple(sorted(self._cuts.get(server.name, ()))),
        )

    def _running(self, server: Server) -> tuple[int, ...]:
        namespace = self._namespaces.get(server.name)
        return pids_in(namespace) if namespace is not None else ()

    def _running_namespace(self, server: Server) -> int:
        if not self._running(server):
            raise Conflict(f"server {server.name} is off", hint="boot it first")
        return self._namespaces[server.name]

    def _note(self, server: Server, namespace: int | None) -> None:
        with self._record:
            self._cuts.pop(server.name, None)
            self._namespaces.pop(server.name, None)
            if namespace is not None:
                self._namespaces[server.name] = namespace
            self._write_namespaces()

    def _write_namespaces(self) -> None:
        arriving = self._places.namespaces.with_suffix(".arriving")
        arriving.write_bytes(msgspec.json.encode(self._namespaces))
        os.replace(arriving, self._places.namespaces)

    def _plant_seed(self, server: Server) -> None:
        shutil.copytree(self._kept.seed_dir, self._capabilities(server), dirs_exist_ok=True)

    def _keep_seed(self, server: Server) -> None:
        shutil.copytree(self._capabilities(server), self._kept.seed_dir, dirs_exist_ok=True)

    def _board(self, server: Server) -> Board:
        return Board(self._places.server(server.name))

    def _capabilities(self, server: Server) -> Path:
        home = self._places.server(server.name)
        return DaemonFolders(home, rootless=self._kept.rootless).capabilities


def wait_for_libvirt(server: Server, *, rootless: bool) -> None:
    """Wait until a server's libvirt answers, has started its pools and knows its QEMU.

    Raises `AnypoolError` when it does not in time.
    """
    uri = server.libvirt_uri(rootless=rootless)
    deadline = time.monotonic() + _LIBVIRT_TIMEOUT_S
    while True:
        answer = run(["virsh", "-q", "-c", uri, _COMPLETE], timeout_s=_CALL_TIMEOUT_S)
        if answer.code == 0:
            return
        if time.monotonic() > deadline:
            raise AnypoolError(f"libvirt on {server.name} does not answer: {answer.last_line()}")
        time.sleep(0.1)
