"""A yard whose spares become hosts by a profile that boots a hypervisor, and leave again.

The world itself judges: a host is there while its server is on as the profile, no address is in
use twice, and a VM runs once.
"""

from pathlib import Path

from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.observing import guarded
from anypool.drivers.sim import BmcMood, Shape, SimDriver
from anypool.drivers.sim.racked import double_addresses
from anypool.drivers.sim.records import SimHost
from anypool.errors import Unreachable
from anypool.model import (
    Endpoint,
    EndpointId,
    Host,
    HostId,
    Probe,
    Profile,
    ProfileId,
    RunId,
    ServerId,
)
from anypool.planner.operate import plan_migrate
from anypool.planner.profiles.hosting import plan_make_host, plan_retire_host
from anypool.store.records import RunState
from tests.simulation.boot_host import SimBootHost
from tests.simulation.test_profiles import FIRST, SECOND, Answering, Rack, facts_of

SHAPE = Shape(hosts=1, vms=1, servers=2, running_percent=100, local_percent=0)
BOOT = EndpointId("boot1")
NODE = ProfileId("profile-node")
IP = "10.0.0.31"
BLADES = (FIRST, SECOND)


class FarmRack(Rack):
    """Hosts, servers, a boot host, and whoever answers at the address of the profile."""

    boot: SimBootHost
    known: dict[str, ServerId]

    def endpoints(self) -> list[Endpoint]:
        """All but the hosts that blades may become."""
        some = [one for one in super().endpoints() if "blade" not in one.id]
        return [*some, Endpoint(id=BOOT, driver="boot", uri="boot+unix:///s")]

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        if endpoint.id == BOOT:
            return guarded(endpoint, self.boot)
        if endpoint.driver != "libvirt":
            return super().driver(endpoint)
        shown = dict(endpoint.options)["host_key"]
        for entry in self.boot.entries.values():
            if entry.host_key:
                self.known[entry.host_key] = entry.server
        if shown not in self.known:
            raise Unreachable(f"nobody at {endpoint.uri} shows that host key")
        if endpoint not in self._drivers:
            host = HostId(self.known[shown])
            self.forget(endpoint.id)
            self._drivers[endpoint] = SimDriver(
                self.world, (host,), endpoint=endpoint.id, pool=endpoint.pool
            )
        return guarded(endpoint, self._drivers[endpoint])


class Farm(Answering):
    """A yard with two blades that are spares, and a profile that makes one of them a host."""

    def __init__(self, folder: Path, shape: Shape = SHAPE, seed: int = 1) -> None:
        self.boot = SimBootHost(BOOT)
        self.known: dict[str, ServerId] = {}
        super().__init__(folder, shape=shape, seed=seed)

    def _pool(self) -> FarmRack:
        pool = FarmRack(self.world)
        pool.boot, pool.known = self.boot, self.known
        return pool

    def furnish(self) -> None:
        """Make the profile, spares of the blades, and hosts of the world that are off."""
        with self.world.turn() as state:
            like = state.hosts.rows["sim-h1"].host
            shared = {key for key, one in state.datastores.rows.items() if one.datastore.shared}
            for key in BLADES:
                name = state.servers.rows[key].server.name
                host = replace(
                    like, id=HostId(key), name=name, datastores=like.datastores & shared,
                    peer_uri=f"sim://sim/{name}", peer_address=name,
                )  # fmt: skip
                state.hosts.put(HostId(key), _off(host))
        profile = Profile(id=NODE, name="node1", ip=IP, image="hypervisor", hypervisor=True)
        self.engine.servers.profiles.add(profile, ("", ""), "ada")
        for key in BLADES:
            self.engine.servers.set_facts(facts_of(key), "ada")
        self.hear()

    def knock(self, probe: Probe, _: str) -> str:
        entry = self.boot.entries.get(NODE)
        if entry is None or probe.address != IP:
            return "silence"
        with self.world.turn() as state:
            return "" if state.host(HostId(entry.server)).answers else "silence"

    @property
    def node(self) -> Profile:
        return self.engine.inventory.profiles[NODE]

    def make(self, server: ServerId | None = FIRST) -> RunId:
        return self.begin(plan_make_host(self.engine.inventory, NODE, server))

    def retire(self, server: ServerId = FIRST) -> RunId:
        return self.begin(plan_retire_host(self.engine.inventory, server))

    def fill(self) -> None:
        """Bring every VM to the first blade."""
        for vm in sorted(self.where()):
            moved = self.begin(plan_migrate(self.engine.inventory, vm, target=HostId(FIRST)))
            assert self.finish(moved).state is RunState.DONE, self.steps(moved)

    def check(self) -> None:
        """Every address is used once, each VM runs once, and who is known as a host is one.

        Every endpoint is read before: a manager that has just begun knows of none yet.
        """
        for endpoint in self.engine.endpoints():
            self.engine._observer.read(endpoint.id)
        assert double_addresses(self.world) == ()
        self.check_tidy()
        with self.world.turn() as state:
            up = {key for key, row in state.hosts.rows.items() if row.answers}
            bear = {key for key, row in state.servers.rows.items() if row.server.bears}
        assert set(self.engine.inventory.hosts) == up
        assert bear == ({self.node.server} if self.node.server else set())
        assert set(self.boot.entries) == ({NODE} if self.node.server else set())
        kept = [one.id for one in self.engine.endpoints() if one.driver == "libvirt"]
        assert kept == (["node1"] if self.node.server else [])


def _off(host: Host) -> SimHost:
    return SimHost(host=host, alive=False, powered=False, bmc=BmcMood.WORKS)
