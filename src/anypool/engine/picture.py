"""The pool as known now: each endpoint's last word, merged into one inventory; no I/O.

Readings carry the number of the moment they were begun at, so that a slow reading
never overwrites what a later and quicker one has seen.
"""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers.observing import masked, unmasked
from anypool.engine import merge
from anypool.engine.board import Notice
from anypool.engine.merge import Said
from anypool.model import (
    Datastore,
    DatastoreId,
    Endpoint,
    EndpointId,
    Frame,
    Host,
    HostId,
    Image,
    ImageId,
    Inventory,
    Network,
    NetworkId,
    PMap,
    Vm,
    VmId,
    Volume,
)
from anypool.store.records import DatastoreFacts, HostFacts, LastKnown, VmFacts

K = TypeVar("K", bound=str)
V = TypeVar("V", bound=Datastore | Network)


class Reading:
    """What one endpoint said last, and about each VM when; `current` while it answers."""

    def __init__(self) -> None:
        self.current = False
        self.read_at = 0
        self.hosts: dict[HostId, Host] = {}
        self.named: frozenset[HostId] = frozenset()
        self.vms: dict[VmId, Vm] = {}
        self.read_vm_at: dict[VmId, int] = {}
        self.datastores: dict[DatastoreId, Datastore] = {}
        self.networks: dict[NetworkId, Network] = {}
        self.volumes: tuple[Volume, ...] = ()


class Ours(Struct, frozen=True, gc=False):
    """Everything that is not observed."""

    hosts: dict[HostId, HostFacts] = {}
    vms: dict[VmId, VmFacts] = {}
    datastores: dict[DatastoreId, DatastoreFacts] = {}


class Delta(Struct, frozen=True, gc=False):
    """What a change of the picture means to others: notices, and VMs that are gone."""

    notices: frozenset[Notice] = frozenset()
    vanished: tuple[Vm, ...] = ()


class Picture:
    """All readings and the inventory they make; one caller at a time."""

    def __init__(self, ours: Ours) -> None:
        self.inventory = Inventory()
        self._ours = ours
        self._readings: dict[EndpointId, Reading] = {}
        self._known_at: dict[VmId, set[EndpointId]] = {}
        self._moment = 0
        self._missed: dict[VmId, Vm] = {}

    def moment(self) -> int:
        """Return a number for a reading that begins now."""
        self._moment += 1
        return self._moment

    def current(self, endpoint: EndpointId) -> bool:
        """Return whether an endpoint was read whole and has answered since."""
        reading = self._readings.get(endpoint)
        return reading is not None and reading.current

    def remember(self, known: LastKnown) -> None:
        """Take what was known before a restart: all of it UNKNOWN until it is read again."""
        for host in known.hosts:
            self._reading(host.endpoint).hosts[host.id] = host
        for vm in known.vms:
            places = merge.where(vm)
            for endpoint, reading in self._readings.items():
                if mine := places & reading.hosts.keys():
                    self._say(endpoint, _known_to(vm, frozenset(mine)), 0)
        for datastore in known.datastores:
            for endpoint in datastore.endpoints & self._readings.keys():
                self._readings[endpoint].datastores[datastore.id] = datastore
        for network in known.networks:
            for endpoint in network.endpoints & self._readings.keys():
                self._readings[endpoint].networks[network.id] = network
        self._rebuild(tuple(self._readings), frozenset())

    def apply(
        self, endpoint: Endpoint, frame: Frame, moment: int, moving: frozenset[VmId]
    ) -> Delta:
        """Take a reading that was begun at `moment`; VMs that are `moving` are never given up."""
        reading = self._reading(endpoint.id)
        anew = frame.full and not reading.current
        if frame.full:
            if moment < reading.read_at:
                return Delta()
            reading.read_at, reading.current = moment, True
            self._take_whole(endpoint, reading, frame)
        touched = {vm.id for vm in frame.vms} | set(frame.missing)
        if frame.full:
            touched |= reading.vms.keys()
        spoken = {vm.id: vm for vm in frame.vms}
        changed = {vm for vm in touched if self._hear(endpoint.id, vm, spoken.get(vm), moment)}
        if anew:
            return self._rebuild((endpoint.id,), moving, changed)
        shown = self._show(endpoint.id) if frame.full else set()
        refreshed = self._refresh(changed | self._missed.keys(), moving)
        return Delta(refreshed.notices | shown, refreshed.vanished)

    def lose(self, endpoint: EndpointId) -> Delta:
        """Take note that an endpoint does not answer: what it said is UNKNOWN now."""
        reading = self._readings.get(endpoint)
        if reading is None or not reading.current:
            return Delta()
        reading.current = False
        return self._rebuild((endpoint,), frozenset(reading.vms))

    def switch(self, endpoint: Endpoint) -> Delta:
        """Show at once whether the hosts of an endpoint may be operated, and in which pool."""
        reading = self._readings.get(endpoint.id)
        if reading is None:
            return Delta()
        change = masked if endpoint.observe_only else unmasked
        reading.hosts = {
            key: change(replace(host, pool=endpoint.pool)) for key, host in reading.hosts.items()
        }
        return self._rebuild((endpoint.id,), frozenset())

    def forget(self, endpoint: EndpointId) -> Delta:
        """Drop an endpoint with its hosts and all VMs that only it knows."""
        reading = self._readings.pop(endpoint, None)
        if reading is None:
            return Delta()
        for vm in reading.vms:
            self._unknow(endpoint, vm)
        notices = {Notice("host", host) for host in reading.hosts}
        gone = set(reading.vms) | {
            vm for vm, last in self._missed.items() if last.host in reading.hosts
        }
        for vm in gone - self._known_at.keys():
            self._missed.pop(vm, None)
            self.inventory = self.inventory.without_vm(vm)
            notices.add(Notice("vm", vm))
        notices |= self._refresh(gone & self._known_at.keys(), frozenset()).notices
        for host in reading.hosts:
            self.inventory = self.inventory.without_host(host)
        notices |= self._stores_and_networks(reading.datastores, reading.networks)
        return Delta(frozenset(notices))

    def deleted(self, vm: VmId) -> Delta:
        """Take note that we deleted a VM and saw it gone: nobody can have it."""
        if vm in self._known_at:
            return Delta()
        self._missed.pop(vm, None)
        self.inventory = self.inventory.without_vm(vm)
        return Delta(frozenset({Notice("vm", vm)}))

    def put_host_facts(self, facts: HostFacts) -> Delta:
        """Lay what is ours over a host."""
        self._ours.hosts[facts.host] = facts
        owner = self.inventory.hosts.get(facts.host)
        return Delta() if owner is None else self._rebuild((owner.endpoint,), frozenset())

    def put_vm_facts(self, facts: VmFacts) -> Delta:
        """Lay what is ours over a VM."""
        self._ours.vms[facts.vm] = facts
        return self._refresh({facts.vm} & self._known_at.keys(), frozenset())

    def put_datastore_facts(self, facts: DatastoreFacts) -> Delta:
        """Lay what is ours over a datastore."""
        self._ours.datastores[facts.datastore] = facts
        return Delta(frozenset(self._stores_and_networks((facts.datastore,), ())))

    def put_images(self, images: Iterable[Image]) -> Delta:
        """Replace all images."""
        before = self.inventory.images
        after = PMap.of({image.id: image for image in images})
        self.inventory = self.inventory._replace(images=after)
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        return Delta(frozenset(Notice("image", ImageId(key)) for key in changed))

    def volumes(self) -> tuple[Volume, ...]:
        """Return every volume by name, as the newest reading of its datastore says."""
        newest: dict[DatastoreId, Reading] = {}
        for reading in sorted(self._readings.values(), key=lambda one: one.read_at):
            newest |= dict.fromkeys(reading.datastores, reading)
        found = {
            (volume.datastore, volume.name): volume
            for reading in self._readings.values()
            for volume in reading.volumes
            if newest.get(volume.datastore) is reading
        }
        return tuple(found[key] for key in sorted(found))

    def _reading(self, endpoint: EndpointId) -> Reading:
        return self._readings.setdefault(endpoint, Reading())

    def _take_whole(self, endpoint: Endpoint, reading: Reading, frame: Frame) -> None:
        """Take everything but the VMs; a host that another endpoint brought stays there."""
        for host in frame.hosts:
            owner = self.inventory.hosts.get(host.id)
            if owner is None or owner.endpoint == endpoint.id:
                reading.hosts[host.id] = host
        reading.named = frozenset(host.id for host in frame.hosts)
        reading.datastores = {datastore.id: datastore for datastore in frame.datastores}
        reading.networks = {network.id: network for network in frame.networks}
        reading.volumes = frame.volumes

    def _hear(self, endpoint: EndpointId, vm: VmId, said: Vm | None, moment: int) -> bool:
        """Take what an endpoint says about a VM; return whether that is new."""
        reading = self._readings[endpoint]
        if reading.read_vm_at.get(vm, 0) > moment:
            return False
        before = reading.vms.get(vm)
        if said is not None:
            self._say(endpoint, said, moment)
            return said != before
        reading.read_vm_at[vm] = moment
        reading.vms.pop(vm, None)
        self._unknow(endpoint, vm)
        return before is not None or vm in self.inventory.vms

    def _say(self, endpoint: EndpointId, vm: Vm, moment: int) -> None:
        reading = self._readings[endpoint]
        reading.vms[vm.id] = vm
        reading.read_vm_at[vm.id] = moment
        self._known_at.setdefault(vm.id, set()).add(endpoint)

    def _unknow(self, endpoint: EndpointId, vm: VmId) -> None:
        known = self._known_at.get(vm, set())
        known.discard(endpoint)
        if not known:
            self._known_at.pop(vm, None)

    def _rebuild(
        self,
        endpoints: tuple[EndpointId, ...],
        moving: frozenset[VmId],
        changed: Iterable[VmId] = (),
    ) -> Delta:
        """Merge everything of some endpoints anew, and what they do not speak of any more."""
        notices: set[Notice] = set()
        vms: set[VmId] = {*self._missed, *changed}
        for endpoint in endpoints:
            notices |= self._show(endpoint)
            reading = self._readings[endpoint]
            vms |= reading.vms.keys()
            vms |= {vm.id for host in reading.hosts for vm in self.inventory.vms_on(host)}
        refreshed = self._refresh(vms, moving)
        return Delta(refreshed.notices | notices, refreshed.vanished)

    def _show(self, endpoint: EndpointId) -> set[Notice]:
        """Merge the hosts, datastores and networks of an endpoint anew."""
        notices: set[Notice] = set()
        reading = self._readings[endpoint]
        for host in reading.hosts.values():
            facts = self._ours.hosts.get(host.id)
            current = reading.current and host.id in reading.named
            shown = merge.lay_over_host(host, facts, current=current)
            if self.inventory.hosts.get(host.id) != shown:
                self.inventory = self.inventory.with_host(shown)
                notices.add(Notice("host", host.id))
        return notices | self._stores_and_networks(
            reading.datastores.keys() | _of(endpoint, self.inventory.datastores),
            reading.networks.keys() | _of(endpoint, self.inventory.networks),
        )

    def _refresh(self, vms: Iterable[VmId], moving: frozenset[VmId]) -> Delta:
        """Merge some VMs anew."""
        notices: set[Notice] = set()
        vanished: list[Vm] = []
        for vm in vms:
            old = self.inventory.vms.get(vm)
            new = self._merged(vm)
            if new is None and old is not None and self._may_be_elsewhere(old, moving):
                new = merge.merge_vm([Said(old, current=False)])
                self._missed[vm] = old
            else:
                self._missed.pop(vm, None)
            if new == old:
                continue
            notices.add(Notice("vm", vm))
            if new is None and old is not None:
                vanished.append(old)
                self.inventory = self.inventory.without_vm(vm)
            elif new is not None:
                self.inventory = self.inventory.with_vm(new)
        return Delta(frozenset(notices), tuple(vanished))

    def _merged(self, vm: VmId) -> Vm | None:
        readings = (self._readings[endpoint] for endpoint in self._known_at.get(vm, ()))
        merged = merge.merge_vm(Said(one.vms[vm], one.current) for one in readings)
        return None if merged is None else merge.lay_over_vm(merged, self._ours.vms.get(vm))

    def _may_be_elsewhere(self, vm: Vm, moving: frozenset[VmId]) -> bool:
        silent = (one.hosts.values() for one in self._readings.values() if not one.current)
        return vm.id in moving or any(merge.may_hold(vm, hosts) for hosts in silent)

    def _stores_and_networks(
        self, datastores: Iterable[DatastoreId], networks: Iterable[NetworkId]
    ) -> set[Notice]:
        """Merge some datastores and networks anew; those nobody names any more are dropped."""
        notices: set[Notice] = set()
        readings = self._readings.values()
        for key in tuple(datastores):
            said = [(one.datastores[key], one.current) for one in readings if key in one.datastores]
            store = merge.merge_datastore(said, self._ours.datastores.get(key))
            table, changed = _changed(self.inventory.datastores, key, store)
            if changed:
                self.inventory = self.inventory._replace(datastores=table)
                notices.add(Notice("datastore", key))
        for name in tuple(networks):
            network = merge.merge_network(
                one.networks[name] for one in readings if name in one.networks
            )
            nets, changed = _changed(self.inventory.networks, name, network)
            if changed:
                self.inventory = self.inventory._replace(networks=nets)
                notices.add(Notice("network", name))
        return notices


def _of(endpoint: EndpointId, table: PMap[K, V]) -> set[K]:
    """Return the keys of what an endpoint was said to reach."""
    return {key for key, record in table.items() if endpoint in record.endpoints}


def _known_to(vm: Vm, hosts: frozenset[HostId]) -> Vm:
    """Return a VM as somebody knows it who sees only these hosts, at least one of its own."""
    copies = tuple(copy for copy in vm.copies if copy.host in hosts)
    if vm.host in hosts:
        return replace(vm, copies=copies)
    first, *rest = copies
    here = replace(vm, host=first.host, state=first.state, reason=first.reason)
    return replace(here, copies=tuple(rest))


def _changed(table: PMap[K, V], key: K, new: V | None) -> tuple[PMap[K, V], bool]:
    """Return the table with one record replaced or dropped, and whether that changed it."""
    if table.get(key) == new:
        return table, False
    return (table.drop(key) if new is None else table.set(key, new)), True
