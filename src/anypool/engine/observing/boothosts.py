"""Which boot host lets a server boot as a profile: the one that does, else one of its pool."""

from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.engine.observing.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import AdapterKind, EndpointId, Inventory, Means, Profile, Server, ServerId
from anypool.model.profile import Identity, boots_there

DRIVER = "boot"
"""The driver of an endpoint that is a boot host."""


class BootHosts:
    """The boot hosts of all pools, as they were read last."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def of(self, server: Server) -> EndpointId | None:
        """Return the boot host of a server, None where its pool has none."""
        known = sorted(self._observer.boot_hosts().items())
        for key, (_, host) in known:
            if any(entry.server == server.id for entry in host.entries):
                return key
        return self._of_pool(server.pool)

    def _of_pool(self, pool: str) -> EndpointId | None:
        """Return the boot host of a pool, also one that was not read since the manager began."""
        known = self._observer.endpoints()
        found = (one.id for one in known if one.driver == DRIVER and one.pool == pool)
        return min(found, default=None)

    def of_virtual(self, profile: Profile) -> EndpointId | None:
        """Return the boot host that lets a VM boot as a profile, None where none has to."""
        known = sorted(self._observer.boot_hosts().items())
        for key, (_, host) in known:
            if any(entry.profile == profile.id for entry in host.entries):
                return key
        return self._of_pool(profile.pool) if boots_there(profile) else None

    def virtual_driver(self, profile: Profile) -> Driver | None:
        """Return the driver of the boot host that lets a VM boot as a profile."""
        place = self.of_virtual(profile)
        return None if place is None else self._observer.driver(place)

    def entered(self, profile: Profile, bearer: ServerId) -> str:
        """Return as what a VM boots by what its boot host said last, "" for nothing."""
        place = self.of_virtual(profile)
        host = None if place is None else self._observer.boot_hosts().get(place)
        marks = () if host is None else host[1].entries
        return next((one.mark for one in marks if one.server == bearer), "")

    def look(self, key: ServerId) -> bool:
        """Read the boot host of a server; return whether it answered, or none is there."""
        server = self._observer.inventory.servers.get(key)
        return self.look_at(None if server is None else self.of(server))

    def look_at(self, place: EndpointId | None) -> bool:
        """Read a boot host; return whether it answered, or none is there."""
        try:
            if place is not None:
                self._observer.read(place)
        except AnypoolError:
            return False
        return True

    def driver(self, key: ServerId) -> Driver | None:
        """Return the driver of a server's boot host, None where its pool has none."""
        place = self.of(self._observer.inventory.server(key))
        return None if place is None else self._observer.driver(place)


def booted(identity: Identity, inventory: Inventory, server: ServerId) -> Identity:
    """Return an identity with the MAC that its server boots with: the first of its ports."""
    mine: list[str]
    if identity.means is Means.VM:
        mine = list(inventory.profile(identity.profile).virtual_macs)
    elif identity.means is Means.ADDRESSES:
        mine = [port.address for port in identity.ports if port.kind is AdapterKind.ETHERNET]
    else:
        ports = inventory.server(server).ports_of(AdapterKind.ETHERNET)
        mine = [port.permanent or port.address for port in ports]
    return replace(identity, macs=tuple(mac.lower() for mac in mine if mac)[:1])
