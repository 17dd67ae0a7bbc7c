"""The pool as known now: each endpoint's last word, merged into one inventory; no I/O.

Readings carry the number of the moment they were begun at, so that a slow reading
never overwrites what a later and quicker one has seen.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from anypool.drivers.observing import masked, unmasked
from anypool.engine.observing import merge
from anypool.engine.observing.board import Notice
from anypool.engine.observing.change import Delta
from anypool.engine.observing.merge import Said
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.racks import Racks
from anypool.engine.observing.reading import Namers, Reading, all_volumes, known_to, volumes_on
from anypool.engine.observing.sharing import AboutStore, networks_anew, stores_anew
from anypool.engine.observing.unseen import Missed, Unseen
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
    Power,
    Profile,
    ProfileId,
    Server,
    ServerId,
    Vm,
    VmId,
    Volume,
)
from anypool.store.records import DatastoreFacts, HostFacts, LastKnown, ServerFacts, VmFacts


class Picture:
    """All readings and the inventory they make; one caller at a time."""

    def __init__(self, ours: Ours) -> None:
        self.inventory = Inventory()
        self._ours = ours
        self._readings: dict[EndpointId, Reading] = {}
        self._known_at: dict[VmId, tuple[EndpointId, ...]] = {}
        self._moment = 0
        self._missed = Missed()
        self._silent: set[EndpointId] = set()
        self._unseen = Unseen()
        self._stores: Namers[DatastoreId, Datastore] = Namers()
        self._networks: Namers[NetworkId, Network] = Namers()
        self._volumes: tuple[Volume, ...] | None = None
        self.racks = Racks(ours.servers)

    def moment(self) -> int:
        """Return a number for a reading that begins now."""
        self._moment += 1
        return self._moment

    def current(self, endpoint: EndpointId) -> bool:
        """Return whether an endpoint was read whole and has answered since."""
        return endpoint in self._readings and self._readings[endpoint].current

    def overtaken(self, endpoint: EndpointId, moment: int) -> bool:
        """Return whether a whole reading began before a later one, or before a silence, ended."""
        reading = self._readings.get(endpoint)
        return reading is not None and moment < max(reading.read_at, reading.lost_at)

    def unread(self, vm: Vm) -> dict[EndpointId, bool]:
        """Return who answers and could have a VM; see `Unseen.unread`."""
        return self._unseen.unread(vm, self._readings)

    def remember(self, known: LastKnown) -> None:
        """Take what was known before a restart: all of it UNKNOWN until it is read again."""
        at = {host.id: host.endpoint for host in known.hosts}
        for host in known.hosts:
            self._reading(host.endpoint).hosts[host.id] = host
        for vm in known.vms:
            mine: dict[EndpointId, set[HostId]] = {}
            for place in sorted(merge.where(vm) & at.keys()):
                mine.setdefault(at[place], set()).add(place)
            for endpoint, hosts in mine.items():
                self._say(endpoint, known_to(vm, frozenset(hosts)), 0 if vm.host in hosts else -1)
        for datastore in known.datastores:
            for endpoint in sorted(datastore.endpoints & self._readings.keys()):
                self._stores.name(endpoint, datastore)
        for network in known.networks:
            for endpoint in sorted(network.endpoints & self._readings.keys()):
                self._networks.name(endpoint, network)
        self._unseen.remember(known.vms)
        for endpoint in self._readings:
            self._show_hosts(endpoint)
        self._stores_and_networks(self._stores.keys(), self._networks.keys())
        self._show_servers(self.racks.remember(known.servers))
        self._refresh(self._known_at.keys(), frozenset())

    def apply(
        self, endpoint: Endpoint, frame: Frame, moment: int, moving: frozenset[VmId]
    ) -> Delta:
        """Take a reading that was begun at `moment`; VMs that are `moving` are never given up."""
        reading = self._reading(endpoint.id)
        after_gap = not reading.current
        anew = frame.full and after_gap
        shown: set[Notice] = set()
        if frame.full:
            if self.overtaken(endpoint.id, moment):
                return Delta()
            reading.read_at = moment
            self._be_current(endpoint.id, current=True)
            shown = self._take_whole(endpoint, reading, frame, anew=anew)
            shown |= self._show_servers(self.racks.take(endpoint, frame))
        touched = {vm.id for vm in frame.vms} | set(frame.missing)
        touched |= reading.vms.keys() if frame.full else frozenset()
        spoken = {vm.id: vm for vm in frame.vms}
        about = (moment, after_gap)
        changed = {vm for vm in touched if self._hear(endpoint.id, vm, spoken.get(vm), about)}
        if anew:
            changed |= self._vms_of(endpoint.id)
        if frame.full:
            changed |= self._unseen.over(self._readings)
        return self._refresh(changed | self._missed.awaited, moving).also(shown)

    def lose(self, endpoint: EndpointId, moment: int = 0) -> Delta:
        """Take note that an endpoint does not answer: what it said is UNKNOWN now.

        It was asked at `moment`, 0 for just now: an answer to a question of before that comes
        late says nothing of now, nor does this where one of after it was answered.
        """
        reading = self._readings.get(endpoint)
        if reading is None or 0 < moment < reading.read_at:
            return Delta()
        reading.lost_at = max(reading.lost_at, moment or self.moment())
        if not reading.current:
            return Delta()
        self._be_current(endpoint, current=False)
        notices = self._show_hosts(endpoint)
        notices |= self._stores_and_networks(self._stores.of(endpoint), self._networks.of(endpoint))
        notices |= self._show_servers(self.racks.lose(endpoint))
        vms = self._vms_of(endpoint)
        return self._refresh(vms, frozenset(reading.vms)).also(notices)

    def switch(self, endpoint: Endpoint) -> Delta:
        """Show at once whether the hosts of an endpoint may be operated, and in which pool."""
        reading = self._readings.get(endpoint.id)
        if reading is None:
            return Delta()
        change = masked if endpoint.observe_only else unmasked
        reading.hosts = {
            key: change(replace(host, pool=endpoint.pool)) for key, host in reading.hosts.items()
        }
        return Delta(frozenset(self._show_hosts(endpoint.id)))

    def forget(self, endpoint: EndpointId) -> Delta:
        """Drop an endpoint with its hosts and all VMs that only it knows."""
        reading = self._readings.pop(endpoint, None)
        if reading is None:
            return Delta()
        self._silent.discard(endpoint)
        for vm in reading.vms:
            self._unknow(endpoint, vm)
        notices = {Notice("host", host) for host in reading.hosts}
        gone = set(reading.vms) | {
            vm for vm, last in self._missed.vms.items() if last.host in reading.hosts
        }
        nowhere = gone - self._known_at.keys()
        for vm in nowhere:
            self._missed.found(vm)
            notices.add(Notice("vm", vm))
        self.inventory = self.inventory.patched_vms(dict.fromkeys(nowhere))
        left = (gone & self._known_at.keys()) | self._missed.vms.keys()
        refreshed = self._refresh(left, frozenset(self._missed.awaited))
        for host in reading.hosts:
            self.inventory = self.inventory.without_host(host)
        self._volumes = None
        notices |= self._show_servers(self.racks.forget(endpoint))
        notices |= self._stores_and_networks(
            self._stores.replace(endpoint, ()), self._networks.replace(endpoint, ())
        )
        return refreshed.also(notices)

    def deleted(self, vm: VmId) -> Delta:
        """Take note that we deleted a VM and saw it gone: nobody can have it."""
        if vm in self._known_at:
            return Delta()
        self._missed.found(vm)
        self.inventory = self.inventory.without_vm(vm)
        return Delta(frozenset({Notice("vm", vm)}))

    def put_host_facts(self, facts: HostFacts) -> Delta:
        """Lay what is ours over a host."""
        self._ours.hosts[facts.host] = facts
        return Delta(frozenset(self._show_host(facts.host)))

    def put_power(self, host: HostId, power: Power | None) -> Delta:
        """Lay over a host what its BMC says; None where it has none any more."""
        self._ours.power[host] = power
        shown = self._show_host(host)
        vms = self._vms_of(self.inventory.hosts[host].endpoint) if shown else set[VmId]()
        return self._refresh(vms, frozenset(vms)).also(shown)

    def book(self, more_mib: Mapping[HostId, int]) -> Delta:
        """Keep so much more memory of hosts for VMs to come, or less where it is negative."""
        shown: set[Notice] = set()
        for key, more in more_mib.items():
            self._ours.booked_mib[key] = self._ours.booked_mib.get(key, 0) + more
            shown |= self._show_host(key)
        return Delta(frozenset(shown))

    def put_vm_facts(self, facts: VmFacts) -> Delta:
        """Lay what is ours over a VM."""
        self._ours.vms[facts.vm] = facts
        return self._refresh({facts.vm} & self._known_at.keys(), frozenset())

    def put_datastore_facts(self, facts: DatastoreFacts) -> Delta:
        """Lay what is ours over a datastore."""
        self._ours.datastores[facts.datastore] = facts
        return Delta(frozenset(self._stores_and_networks((facts.datastore,), ())))

    def put_server_facts(self, facts: ServerFacts) -> Delta:
        """Lay what is ours over a server."""
        return Delta(frozenset(self._show_servers(self.racks.put(facts))))

    def put_profiles(self, changes: Mapping[ProfileId, Profile | None]) -> Delta:
        """Show profiles as they are kept now; None is one that is gone."""
        self.inventory = self.inventory._replace(profiles=self.inventory.profiles.patched(changes))
        shown = set[Notice]().union(*map(self._show_host, self._ours.lend(self.inventory.profiles)))
        return Delta(frozenset(Notice("profile", key) for key in changes) | shown)

    def put_images(self, images: Iterable[Image]) -> Delta:
        """Replace all images."""
        before, after = self.inventory.images, PMap.of({image.id: image for image in images})
        self.inventory = self.inventory._replace(images=after)
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        return Delta(frozenset(Notice("image", ImageId(key)) for key in changed))

    def volumes(self) -> tuple[Volume, ...]:
        """Return every volume by name, as the newest reading of its datastore says."""
        if self._volumes is None:
            self._volumes = all_volumes(self._readings, self._stores)
        return self._volumes

    def volumes_on(self, places: Iterable[DatastoreId]) -> dict[DatastoreId, tuple[Volume, ...]]:
        """Return what an endpoint that answers sees, for each of these datastores it sees.

        The newest reading of each; volumes of other datastores are among them.
        """
        return volumes_on(places, self._readings, self._stores)

    def _reading(self, endpoint: EndpointId) -> Reading:
        if (found := self._readings.get(endpoint)) is None:
            found = self._readings[endpoint] = Reading(endpoint)
            self._silent.add(endpoint)
        return found

    def _be_current(self, endpoint: EndpointId, *, current: bool) -> None:
        self._readings[endpoint].current = current
        (self._silent.discard if current else self._silent.add)(endpoint)

    def _take_whole(
        self, endpoint: Endpoint, reading: Reading, frame: Frame, *, anew: bool
    ) -> set[Notice]:
        """Take everything but the VMs; a host that another endpoint brought stays there."""
        for host in frame.hosts:
            owner = self.inventory.hosts.get(host.id)
            if owner is None or owner.endpoint == endpoint.id:
                reading.hosts[host.id] = host
        reading.named = frozenset(host.id for host in frame.hosts)
        reading.volumes, self._volumes = frame.volumes, None
        stores = self._stores.replace(endpoint.id, frame.datastores)
        networks = self._networks.replace(endpoint.id, frame.networks)
        if anew:
            stores |= self._stores.of(endpoint.id)
            networks |= self._networks.of(endpoint.id)
        return self._show_hosts(endpoint.id) | self._stores_and_networks(stores, networks)

    def _hear(
        self, endpoint: EndpointId, vm: VmId, said: Vm | None, about: tuple[int, bool]
    ) -> bool:
        """Take what an endpoint says, `about` as in `Unseen.heard`; return whether that is new."""
        reading, moment = self._readings[endpoint], about[0]
        if (told := reading.read_vm_at.get(vm, 0)) > moment:
            return False
        before = reading.vms.get(vm)
        if said is not None:
            said = self._unseen.heard(said, before, self.inventory.vms.get(vm), about)
            self._say(endpoint, said, moment)
            self._unseen.is_there(said, map(self._readings.get, self._known_at[vm]))
            return said is not before and said != before
        reading.read_vm_at[vm] = moment
        reading.vms.pop(vm, None)
        self._unknow(endpoint, vm)
        others = map(self._readings.get, self._known_at.get(vm, ()))
        self._unseen.left(before, told, about, others)
        return before is not None or vm in self.inventory.vms

    def _say(self, endpoint: EndpointId, vm: Vm, moment: int) -> None:
        reading = self._readings[endpoint]
        reading.vms[vm.id] = vm
        reading.read_vm_at[vm.id] = moment
        known = self._known_at.setdefault(vm.id, reading.alone)
        if endpoint not in known:
            self._known_at[vm.id] = (*known, endpoint)

    def _unknow(self, endpoint: EndpointId, vm: VmId) -> None:
        known = tuple(one for one in self._known_at.pop(vm, ()) if one != endpoint)
        if known:
            self._known_at[vm] = known

    def _vms_of(self, endpoint: EndpointId) -> set[VmId]:
        """Return all VMs to merge anew when an endpoint falls silent or answers again."""
        reading = self._readings[endpoint]
        claims = self.inventory.claims
        there = (claims[host].vms for host in reading.hosts if host in claims)
        return {*self._missed.vms, *reading.vms}.union(*there)

    def _show_hosts(
        self, endpoint: EndpointId, only: Iterable[HostId] | None = None
    ) -> set[Notice]:
        """Merge the hosts of an endpoint anew, or some of them."""
        reading = self._readings[endpoint]
        changes: dict[HostId, Host] = {}
        for key in reading.hosts if only is None else only:
            current = reading.current and key in reading.named
            shown = self._ours.over(reading.hosts[key], current=current)
            if self.inventory.hosts.get(key) != shown:
                changes[key] = shown
        if changes:
            self.inventory = self.inventory._replace(hosts=self.inventory.hosts.patched(changes))
        return {Notice("host", key) for key in changes}

    def _show_servers(self, servers: PMap[ServerId, Server]) -> set[Notice]:
        """Show servers as they are now."""
        before = self.inventory.servers
        if servers is not before:
            self.inventory = self.inventory._replace(servers=servers)
        return {Notice("server", key) for key in servers.changed_since(before)}

    def _show_host(self, key: HostId) -> set[Notice]:
        owner = self.inventory.hosts.get(key)
        return set() if owner is None else self._show_hosts(owner.endpoint, (key,))

    def _refresh(self, vms: Iterable[VmId], moving: frozenset[VmId]) -> Delta:
        """Merge some VMs anew."""
        changes: dict[VmId, Vm | None] = {}
        vanished: list[Vm] = []
        twinned: list[Vm] = []
        for vm in vms:
            old = self.inventory.vms.get(vm)
            new = self._merged(vm)
            if new is None and old is not None and self._may_be_elsewhere(old, moving):
                new = merge.missed(old, moving=vm in moving)
                self._missed.miss(old, moving=vm in moving)
            else:
                self._missed.found(vm)
            if new == old:
                continue
            changes[vm] = new
            if new is None and old is not None:
                vanished.append(old)
            if new is not None and new.twins and (old is None or old.twins != new.twins):
                twinned.append(new)
        if changes:
            self.inventory = self.inventory.patched_vms(changes)
        notices = frozenset(Notice("vm", vm) for vm in changes)
        return Delta(notices, tuple(vanished), tuple(twinned))

    def _merged(self, vm: VmId) -> Vm | None:
        readings = (self._readings[endpoint] for endpoint in self._known_at.get(vm, ()))
        merged = merge.merge_vm(self._said(one, one.vms[vm]) for one in readings)
        return None if merged is None else merge.lay_over_vm(merged, self._ours.vms.get(vm))

    def _said(self, reading: Reading, vm: Vm) -> Said:
        """Return an endpoint's word; that a VM is stopped holds while its host is off, too."""
        host = None if vm.host is None else self.inventory.hosts.get(vm.host)
        return Said(vm, reading.current or merge.rests(vm, host), reading.read_vm_at[vm.id])

    def _may_be_elsewhere(self, vm: Vm, moving: frozenset[VmId]) -> bool:
        silent = (self._readings[one].hosts.values() for one in self._silent)
        return vm.id in moving or any(self._ours.may_hold(vm, hosts) for hosts in silent)

    def _stores_and_networks(
        self, datastores: Iterable[DatastoreId], networks: Iterable[NetworkId]
    ) -> set[Notice]:
        """Merge some datastores and networks anew; those nobody names any more are dropped."""
        stores = stores_anew(self.inventory, tuple(datastores), self._said_of)
        self.inventory, shown = networks_anew(stores[0], tuple(networks), self._networks)
        return stores[1] | shown

    def _said_of(self, key: DatastoreId) -> AboutStore:
        said = [(one, self._readings[by].current) for by, one in self._stores.said(key)]
        return said, self._ours.datastores.get(key)
