"""A pool of simulated endpoints in this process, as the engine is given drivers."""

from anypool.drivers import Driver
from anypool.drivers.observing import guarded
from anypool.drivers.sim import SimDriver, World
from anypool.model import Endpoint, EndpointHealth, EndpointId, HostId


class SimPool:
    """One endpoint for each host of a world, as libvirtd is one of one host."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._drivers: dict[Endpoint, SimDriver] = {}

    def endpoints(self) -> list[Endpoint]:
        with self.world.turn() as state:
            hosts = sorted(state.hosts.rows)
        return [self._endpoint(host) for host in hosts]

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        if endpoint not in self._drivers:
            host = HostId(endpoint.uri.rpartition("/")[2])
            self.forget(endpoint.id)
            self._drivers[endpoint] = SimDriver(
                self.world, (host,), endpoint=endpoint.id, pool=endpoint.pool
            )
        return guarded(endpoint, self._drivers[endpoint])

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        return EndpointHealth(id=endpoint_id)

    def forget(self, endpoint_id: EndpointId) -> None:
        self._drivers = {key: one for key, one in self._drivers.items() if key.id != endpoint_id}

    def _endpoint(self, host: str) -> Endpoint:
        return Endpoint(id=EndpointId(f"e-{host}"), driver="sim", uri=f"sim://world/{host}")
