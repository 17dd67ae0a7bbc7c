"""The whole pool at one moment, immutable, with the indexes that planners need."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from anypool.errors import Conflict, NotFound
from anypool.model.host import Host
from anypool.model.ids import DatastoreId, HostId, ImageId, NetworkId, ProfileId, ServerId, VmId
from anypool.model.image import Image
from anypool.model.network import Network
from anypool.model.pmap import PMap
from anypool.model.profile import Profile
from anypool.model.server import Server
from anypool.model.storage import Datastore
from anypool.model.vm import HOLDS_MEMORY, Vm

_NO_VMS: frozenset[VmId] = frozenset()


class Claim(NamedTuple):
    """What the VMs of one host hold: those that run or may run, and all that are defined there."""

    memory_mib: int = 0
    vcpus: int = 0
    vms: frozenset[VmId] = _NO_VMS


class Inventory(NamedTuple):
    """A snapshot of the pool; every change makes a new one and costs only its own size."""

    hosts: PMap[HostId, Host] = PMap()
    vms: PMap[VmId, Vm] = PMap()
    datastores: PMap[DatastoreId, Datastore] = PMap()
    networks: PMap[NetworkId, Network] = PMap()
    images: PMap[ImageId, Image] = PMap()
    claims: PMap[HostId, Claim] = PMap()
    servers: PMap[ServerId, Server] = PMap()
    profiles: PMap[ProfileId, Profile] = PMap()

    def host(self, host: HostId) -> Host:
        """Return a host by id; raise `NotFound`."""
        if (found := self.hosts.get(host)) is None:
            raise NotFound(f"there is no host {host}", hint="`anypool host list` shows them")
        return found

    def vm(self, vm: VmId) -> Vm:
        """Return a VM by id; raise `NotFound`."""
        if (found := self.vms.get(vm)) is None:
            raise NotFound(f"there is no VM {vm}", hint="`anypool vm list` shows them")
        return found

    def server(self, server: ServerId) -> Server:
        """Return a server by id; raise `NotFound`."""
        if (found := self.servers.get(server)) is None:
            raise NotFound(f"there is no server {server}", hint="`anypool server list` shows them")
        return found

    def profile(self, profile: ProfileId) -> Profile:
        """Return a profile by id; raise `NotFound`."""
        if (found := self.profiles.get(profile)) is None:
            hint = "`anypool profile list` shows them"
            raise NotFound(f"there is no profile {profile}", hint=hint)
        return found

    def vms_on(self, host: HostId) -> tuple[Vm, ...]:
        """Return all VMs that run or are defined on a host, by name."""
        ids = self.claims.get(host, Claim()).vms
        return tuple(sorted((self.vms[vm] for vm in ids), key=lambda vm: (vm.name, vm.id)))

    def holding(self, host: HostId) -> list[Vm]:
        """Return the VMs that hold memory on a host, by name."""
        return [vm for vm in self.vms_on(host) if vm.state in HOLDS_MEMORY]

    def memory_free_mib(self, host: HostId) -> int:
        """Return the memory of a host that no VM holds and nobody reserved."""
        record = self.host(host)
        return record.usable_mib - self.claims.get(host, Claim()).memory_mib

    def with_host(self, host: Host) -> "Inventory":
        """Return an inventory in which one host is new or replaced."""
        return self._replace(hosts=self.hosts.set(host.id, host))

    def without_host(self, host: HostId) -> "Inventory":
        """Return an inventory without a host; raise `Conflict` while VMs are on it."""
        if self.claims.get(host, Claim()).vms:
            raise Conflict(f"host {host} still has VMs", hint="evacuate it first")
        return self._replace(hosts=self.hosts.drop(host), claims=self.claims.drop(host))

    def with_vm(self, vm: Vm) -> "Inventory":
        """Return an inventory in which one VM is new or replaced."""
        claims = self._unclaimed(vm.id)
        if vm.host is not None:
            claims = claims.set(vm.host, _plus(claims.get(vm.host, Claim()), vm))
        return self._replace(vms=self.vms.set(vm.id, vm), claims=claims)

    def without_vm(self, vm: VmId) -> "Inventory":
        """Return an inventory without a VM; the same one if it is not there."""
        return self._replace(claims=self._unclaimed(vm), vms=self.vms.drop(vm))

    def patched_vms(self, changes: Mapping[VmId, Vm | None]) -> "Inventory":
        """Return an inventory in which many VMs are new or replaced, or gone if None."""
        came: dict[HostId, list[Vm]] = {}
        left: dict[HostId, list[Vm]] = {}
        for key, new in changes.items():
            old = self.vms.get(key)
            if old is not None and old.host is not None:
                left.setdefault(old.host, []).append(old)
            if new is not None and new.host is not None:
                came.setdefault(new.host, []).append(new)
        claims = {
            host: _moved(self.claims.get(host, Claim()), left.get(host, ()), came.get(host, ()))
            for host in left.keys() | came.keys()
        }
        return self._replace(vms=self.vms.patched(changes), claims=self.claims.patched(claims))

    def with_datastore(self, datastore: Datastore) -> "Inventory":
        """Return an inventory in which one datastore is new or replaced."""
        return self._replace(datastores=self.datastores.set(datastore.id, datastore))

    def with_network(self, network: Network) -> "Inventory":
        """Return an inventory in which one network is new or replaced."""
        return self._replace(networks=self.networks.set(network.id, network))

    def with_image(self, image: Image) -> "Inventory":
        """Return an inventory in which one image is new or replaced."""
        return self._replace(images=self.images.set(image.id, image))

    def with_server(self, server: Server) -> "Inventory":
        """Return an inventory in which one server is new or replaced."""
        return self._replace(servers=self.servers.set(server.id, server))

    def with_profile(self, profile: Profile) -> "Inventory":
        """Return an inventory in which one profile is new or replaced."""
        return self._replace(profiles=self.profiles.set(profile.id, profile))

    def _unclaimed(self, vm: VmId) -> PMap[HostId, Claim]:
        old = self.vms.get(vm)
        if old is None or old.host is None:
            return self.claims
        return self.claims.set(old.host, _minus(self.claims[old.host], old))


def _held(vm: Vm) -> tuple[int, int]:
    return (vm.memory_mib, vm.vcpus) if vm.state in HOLDS_MEMORY else (0, 0)


def _moved(claim: Claim, left: Iterable[Vm], came: Iterable[Vm]) -> Claim:
    memory, vcpus, vms = claim.memory_mib, claim.vcpus, set(claim.vms)
    for vm in left:
        held = _held(vm)
        memory, vcpus = memory - held[0], vcpus - held[1]
        vms.discard(vm.id)
    for vm in came:
        held = _held(vm)
        memory, vcpus = memory + held[0], vcpus + held[1]
        vms.add(vm.id)
    same = len(vms) == len(claim.vms) and vms == claim.vms
    return Claim(memory, vcpus, claim.vms if same else frozenset(vms))


def _plus(claim: Claim, vm: Vm) -> Claim:
    memory, vcpus = _held(vm)
    return Claim(claim.memory_mib + memory, claim.vcpus + vcpus, claim.vms | {vm.id})


def _minus(claim: Claim, vm: Vm) -> Claim:
    memory, vcpus = _held(vm)
    return Claim(claim.memory_mib - memory, claim.vcpus - vcpus, claim.vms - {vm.id})
