"""What stands in a `sim://` address, and the worlds of this process by name.

`sim://NAME` is every host of the world NAME, `sim://NAME/h2` one of them, and
`sim://NAME/servers` its physical servers, of which `servers=8` makes eight. Options after
`?`: those of `Shape` (`hosts=40&vms=200&seed=1`), `state=PATH` to keep the world in a
file and share it between processes, `fault_rate=0.01`, `fault=OPERATION:KIND[:TIMES]`,
`migrate_mib_s=1000`, `keepalive_s=30` and `password=WORD` to ask for a password. With
`churn_s=30` so many VMs are paused or resumed in every second by somebody else, and with
`lose_events_s=10` its events get lost as often, so that it has to be read whole.
"""

import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from anypool.drivers.names import check_name
from anypool.drivers.sim import churn
from anypool.drivers.sim.driver import SimDriver
from anypool.drivers.sim.generate import Shape, build_world
from anypool.drivers.sim.records import Fault, FaultKind
from anypool.drivers.sim.timing import Timing
from anypool.drivers.sim.world import World
from anypool.errors import Denied, Invalid
from anypool.model import Endpoint, HostId

_WORLDS: dict[tuple[str, str], World] = {}
_LOCK = threading.Lock()
SERVERS = "servers"
_HINT = "such as sim://demo?hosts=40&vms=200&seed=1"


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: str = ""
    fault_rate: float = 0.0
    fault: str = ""
    password: str = ""
    migrate_mib_s: int = 4096
    keepalive_s: float = 30.0
    churn_s: float = 0.0
    lose_events_s: float = 0.0


def connect(endpoint: Endpoint, secret: str) -> SimDriver:
    """Return a driver for a `sim://` address; raise `Invalid`, or `Denied` for a wrong password."""
    parts = urlsplit(endpoint.uri)
    name = parts.netloc
    if parts.scheme != "sim" or not name:
        raise Invalid(f"'{endpoint.uri}' is not the address of a simulated pool", hint=_HINT)
    check_name("simulated pool", name)
    options, shape = _read(parts.query)
    if options.password and secret != options.password:
        raise Denied("wrong password", hint="give the one in the address")
    world = _world(name, options, shape)
    host = parts.path.strip("/")
    return SimDriver(world, _hosts(world, host), endpoint=endpoint.id, pool=endpoint.pool)


def _read(query: str) -> tuple[_Options, Shape]:
    given = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    own = {key: given.pop(key) for key in _Options.__struct_fields__ if key in given}
    unknown = sorted(set(given) - set(Shape.__struct_fields__))
    if unknown:
        raise Invalid(f"a simulated pool has no option '{unknown[0]}'", hint=_HINT)
    try:
        options = msgspec.convert(own, _Options, strict=False)
        return options, msgspec.convert(given, Shape, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"wrong option of a simulated pool: {error}", hint=_HINT) from error


def _world(name: str, options: _Options, shape: Shape) -> World:
    with _LOCK:
        if (found := _WORLDS.get((name, options.state))) is not None:
            return found
        world = build_world(
            shape,
            name=name,
            timing=Timing(migrate_mib_s=options.migrate_mib_s, keepalive_s=options.keepalive_s),
            path=Path(options.state) if options.state else None,
        )
        world.fault_rate = options.fault_rate
        if options.fault:
            world.inject(_fault(options.fault))
        if options.churn_s > 0:
            churn.churn(world, options.churn_s, shape.seed)
        if options.lose_events_s > 0:
            churn.lose_events(world, options.lose_events_s)
        _WORLDS[name, options.state] = world
        return world


def _fault(text: str) -> Fault:
    operation, _, rest = text.partition(":")
    kind, _, times = rest.partition(":")
    try:
        return Fault(kind=FaultKind(kind), operation=operation, times=int(times or "1"))
    except ValueError as error:
        kinds = ", ".join(FaultKind)
        hint = f"OPERATION:KIND[:TIMES], where KIND is one of {kinds}"
        raise Invalid(f"'{text}' is not a fault", hint=hint) from error


def _hosts(world: World, place: str) -> tuple[HostId, ...] | None:
    """Return the hosts that an address is for, None for all; physical servers are no hosts."""
    if not place:
        return None
    return () if place == SERVERS else (_host_id(world, place),)


def _host_id(world: World, name: str) -> HostId:
    with world.turn() as state:
        for row in state.hosts.rows.values():
            if row.host.name == name:
                return row.host.id
    raise Invalid(f"the simulated pool {world.name} has no host {name}")
