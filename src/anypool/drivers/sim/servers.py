"""Physical servers of the simulated world: adapters, power, and identities that move."""

from msgspec.structs import replace

from anypool.drivers.sim.records import BmcMood, SimServer
from anypool.drivers.sim.state import State
from anypool.model import (
    Adapter,
    AdapterKind,
    Condition,
    EndpointId,
    HostId,
    Link,
    Port,
    Power,
    Server,
    ServerAbility,
    ServerId,
)

FABRICS = ("fabric-a", "fabric-b")
_MAC = 0x02_5A_00_00_00_00
_WWN = 0x50_01_5A_00_00_00_00_00
PER_CHASSIS = 8


def shown(state: State, endpoint: EndpointId, pool: str) -> tuple[Server, ...]:
    """Return all servers as their endpoint reports them."""
    return tuple(_shown(row, endpoint, pool) for _, row in sorted(state.servers.rows.items()))


def _shown(row: SimServer, endpoint: EndpointId, pool: str) -> Server:
    power = Power.ON if row.powered else Power.OFF
    if row.bmc is BmcMood.DEAD:
        power = Power.UNKNOWN
    if row.bmc is BmcMood.LIES:
        power = Power.OFF
    return replace(row.server, endpoint=endpoint, pool=pool, power=power)


def furnish(state: State, name: str, count: int, networks: tuple[str, ...]) -> None:
    """Put so many servers into chassis of eight: two Ethernet and two FC ports each."""
    for number in range(1, count + 1):
        server = _server(name, number, networks)
        state.servers.put(server.id, SimServer(server=server))


def _server(name: str, number: int, networks: tuple[str, ...]) -> Server:
    chassis, slot = divmod(number - 1, PER_CHASSIS)
    where = (f"bx{chassis + 1}", slot + 1)
    return Server(
        id=ServerId(HostId(f"{name}-blade{number}")),
        name=f"blade{number}",
        endpoint=EndpointId("sim"),
        health=Condition.OK,
        chassis=where[0],
        slot=str(where[1]),
        vendor="anypool",
        model="simulated blade",
        serial=f"{name.upper()}{number:04}",
        cpus=32,
        sockets=2,
        cpu_model="sim-v1",
        memory_mib=128 * 1024,
        adapters=(_lan(number, where, networks), _san(number, where)),
        abilities=frozenset(ServerAbility) - {ServerAbility.BOOT_HOST},
        firmware="1.0",
    )


def _lan(number: int, where: tuple[str, int], networks: tuple[str, ...]) -> Adapter:
    chassis, slot = where
    ports = tuple(
        Port(
            id=f"lan{port}",
            address=_mac(number, port),
            permanent=_mac(number, port),
            link=Link.UP,
            switch=f"{chassis}-sw{port}",
            switch_port=f"0/{slot}",
            networks=frozenset(networks),
        )
        for port in (1, 2)
    )
    return Adapter(id="lan", kind=AdapterKind.ETHERNET, model="2x10GbE", ports=ports)


def _san(number: int, where: tuple[str, int]) -> Adapter:
    chassis, slot = where
    ports = tuple(
        Port(
            id=f"san{port}",
            address=_wwn(number, port),
            permanent=_wwn(number, port),
            node=_wwn(number, 0),
            link=Link.UP,
            switch=f"{chassis}-fc{port}",
            switch_port=f"fc/{slot}",
            networks=frozenset({FABRICS[port - 1]}),
        )
        for port in (1, 2)
    )
    return Adapter(id="san", kind=AdapterKind.FC, model="2x16Gb", ports=ports)


def _mac(number: int, port: int) -> str:
    return (_MAC + (number << 8) + port).to_bytes(6, "big").hex(":")


def _wwn(number: int, port: int) -> str:
    return (_WWN + (number << 8) + port).to_bytes(8, "big").hex(":")
