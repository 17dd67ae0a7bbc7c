"""Listening for a silent host on every path there is: itself, its neighbours, its VMs.

First we knock at its addresses ourselves. Where nothing comes back, some neighbours that answer
are asked whether they come through. Last the VMs that were on it are asked by the probes of
their services: one that answers runs, and so does the server under it.
"""

from collections.abc import Callable
from functools import partial

from anypool.engine.ha.knocks import Door, doors
from anypool.engine.observing.knock import knock as ask_vm
from anypool.engine.observing.services import found, own_probes
from anypool.engine.observing.vitals import Vitals
from anypool.engine.threads import UnderWay
from anypool.model import (
    Capability,
    Endpoint,
    Host,
    HostId,
    HostState,
    Inventory,
    Probe,
    Reach,
    Service,
    VmState,
)
from anypool.planner.ha.detect import LIFE, Path, Word

KNOCK_S = 5.0
NEIGHBOURS = 3
"""So many hosts are asked for a silent one, others the next time."""
GUESTS = 4
"""So many VMs of a silent host are asked."""

Knock = Callable[[Host, Endpoint], tuple[tuple[Path, Word], ...]]
Services = Callable[[], tuple[Service, ...]]


class Ears:
    """What is asked for silent hosts, every so often; used by one thread at a time."""

    def __init__(self, vitals: Vitals, services: Services) -> None:
        self._vitals = vitals
        self._services = services
        self._asked: dict[HostId, float] = {}
        self._heard: dict[HostId, float] = {}
        self._turn = 0
        self._under_way = UnderWay()
        self.ask_vm: Callable[[Probe, str], str] = ask_vm

    def forget(self) -> None:
        """Ask all again."""
        self._asked.clear()
        self._heard.clear()
        self._under_way.forget()

    def heard_since(self, host: HostId) -> float:
        """Return when the last question on all paths began that is over, 0 for never."""
        return self._heard.get(host, 0.0)

    def listen(
        self, host: Host, endpoint: Endpoint, inventory: Inventory, knock: Knock
    ) -> Callable[[], None] | None:
        """Return what is to be done to hear a silent host; None if that was just done, or waits."""
        now = self._vitals.moments.now()
        if now - self._asked.get(host.id, 0.0) < KNOCK_S or host.id in self._under_way:
            return None
        self._asked[host.id] = now
        self._turn += 1
        hosts = neighbours(host, inventory, self._turn)
        guests = self._guests(host.id, inventory)
        asking = partial(self._ask, host, endpoint, (hosts, guests), knock)
        return self._under_way.once(host.id, partial(self._to_the_end, host.id, now, asking))

    def knock_at(self, host: Host, endpoint: Endpoint, knock: Knock) -> None:
        """Note what the addresses of a host say now that is life; takes a second or two."""
        for path, word in knock(host, endpoint):
            if word in LIFE:
                self._vitals.note(host.id, path, word)

    def _to_the_end(self, host: HostId, began: float, asking: Callable[[], None]) -> None:
        asking()
        self._heard[host] = began
        self._vitals.listened(host, began)
        self._vitals.news()

    def _ask(
        self,
        host: Host,
        endpoint: Endpoint,
        others: tuple[tuple[Host, ...], tuple[tuple[Probe, str], ...]],
        knock: Knock,
    ) -> None:
        hosts, guests = others
        said = dict(knock(host, endpoint))
        for path, word in said.items():
            if word in LIFE:
                self._vitals.note(host.id, path, word)
        for door in doors(host, endpoint):
            if said.get(door.path, Word.SILENT) not in LIFE:
                self._by_neighbours(host.id, door, hosts, asked=door.path in said)
        if guests:
            self._by_guests(host.id, guests)

    def _by_neighbours(
        self, silent: HostId, door: Door, hosts: tuple[Host, ...], *, asked: bool
    ) -> None:
        """Note who comes through where we do not; that nobody does is noted as silence."""
        for one in hosts:
            for port in door.ports:
                reach = self._vitals.ask_peer(one.id, door.address, port)
                asked |= reach is not Reach.UNKNOWN
                if reach is Reach.ANSWERS:
                    self._vitals.note(silent, door.path, Word.PEERS, by=one.name)
                    return
        if asked:
            self._vitals.note(silent, door.path, Word.SILENT)

    def _by_guests(self, silent: HostId, guests: tuple[tuple[Probe, str], ...]) -> None:
        for probe, name in guests:
            if not self.ask_vm(probe, name):
                self._vitals.note(silent, Path.VMS, Word.ANSWERS, by=name)
                return
        self._vitals.note(silent, Path.VMS, Word.SILENT)

    def _guests(self, host: HostId, inventory: Inventory) -> tuple[tuple[Probe, str], ...]:
        """Return the probes of VMs that are on a silent host and nowhere else."""
        asked = [(component.probe, name) for _, component, name in own_probes(self._services())]
        vms = found(frozenset(name for _, name in asked), inventory)
        mine = [
            (probe, vms[name].name)
            for probe, name in asked
            if name in vms
            and vms[name].host == host
            and vms[name].state in (VmState.UNKNOWN, VmState.RUNNING)
            and not vms[name].copies
        ]
        return tuple(mine[:GUESTS])


def neighbours(host: Host, inventory: Inventory, turn: int) -> tuple[Host, ...]:
    """Return hosts that answer and can be asked for a silent one, those of its pool first.

    Who is asked changes with every turn.
    """
    able = [
        one
        for one in inventory.hosts.values()
        if one.id != host.id
        and one.state is HostState.UP
        and one.endpoint != host.endpoint
        and Capability.HOST_REACH in one.abilities
    ]
    near = [one for one in able if one.pool == host.pool] or able
    near.sort(key=lambda one: one.id)
    first = turn % len(near) if near else 0
    return tuple((near[first:] + near[:first])[:NEIGHBOURS])
