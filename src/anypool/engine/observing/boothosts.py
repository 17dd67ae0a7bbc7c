"""Which boot host lets a server boot as a profile: the one that does, else one of its pool."""

from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.engine.observing.observe import Observer
from anypool.errors import AnypoolError
from anypool.model import AdapterKind, EndpointId, Inventory, Means, Server, ServerId
from anypool.model.profile import Identity


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
        return next((key for key, (pool, _) in known if pool == server.pool), None)

    def look(self, key: ServerId) -> bool:
        """Read the boot host of a server; return whether it answered, or none is there."""
        server = self._observer.inventory.servers.get(key)
        place = None if server is None else self.of(server)
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
    if identity.means is Means.ADDRESSES:
        mine = [port.address for port in identity.ports if port.kind is AdapterKind.ETHERNET]
    else:
        ports = inventory.server(server).ports_of(AdapterKind.ETHERNET)
        mine = [port.permanent or port.address for port in ports]
    return replace(identity, macs=tuple(mac.lower() for mac in mine if mac)[:1])
