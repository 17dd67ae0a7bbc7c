"""`pool.yaml`: the pool of a scenario, tersely."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.exchange.poolfile import read_pool_file
from anypool.model import (
    Component,
    Datastore,
    DatastoreId,
    Network,
    NetworkId,
    Policy,
    Rule,
    Service,
    ServiceId,
)
from anypool.planner.rules import bind, checked
from anypool.scenario import racks
from anypool.scenario.loads import read_loads
from anypool.scenario.page import Item, instead, known
from anypool.scenario.words import expanded, host_of, usage_of, vm_of
from anypool.scenario.world import World

_PARTS = (
    *("about", "datastores", "networks", "hosts", "vms", "servers", "profiles", "policies"),
    *("services", "loads"),
)
_KINDS = tuple(sorted(str(kind.__struct_config__.tag) for kind in Rule.__args__))
_OF_POLICY = ("strength", "enabled", "description")
_TAKES = "the reference names what each kind takes; quote a query with a comma in it"
_STORES = ("shared", "local")


def read_pool(page: Item) -> World:
    """Return the world of a pool file, or of an exported pool; raise `Invalid` with the place.

    Where datastores or networks are not named, there is one of each, for all hosts.
    """
    if "format" in page.mapping():
        return exported(page.spot.file, page.plain())
    parts = known(page, _PARTS)
    world = World(about=parts["about"].text().strip() if "about" in parts else "")
    world = _with_places(world, parts.get("datastores"), parts.get("networks"))
    for name, item, line in _lines(parts.get("hosts")):
        _check_new(item, name, world.inventory.hosts)
        host = host_of(name, item, line, world)
        world = replace(world, inventory=world.inventory.with_host(host))
    for name, item, line in _lines(parts.get("vms")):
        _check_new(item, name, world.inventory.vms)
        vm = vm_of(name, item, line, world)
        world = replace(world, inventory=world.inventory.with_vm(vm))
        if (usage := usage_of(item, line, world)) is not None:
            world = replace(world, usages=world.usages | {vm.id: usage})
    for name, item, line in _lines(parts.get("servers")):
        world = racks.with_server(world, name, item, line)
    for name, item, line in _lines(parts.get("profiles")):
        world = racks.with_profile(world, name, item, line)
    world = replace(world, curves=read_loads(parts["loads"], world) if "loads" in parts else {})
    policies = parts["policies"].mapping() if "policies" in parts else {}
    made = tuple(
        _guarded(item, partial(sound, policy_of(name, item), world))
        for name, item in policies.items()
    )
    services = parts["services"].mapping() if "services" in parts else {}
    return replace(
        world,
        policies=made,
        services=tuple(_service(name, item) for name, item in services.items()),
    )


def exported(name: str, data: object) -> World:
    """Return the world of an exported pool, given as JSON-like values; raise `Invalid`."""
    file = read_pool_file(name, data)
    return World(inventory=file.inventory(), policies=file.policies, services=file.services)


def _lines(part: Item | None) -> Iterator[tuple[str, Item, str]]:
    """Yield every object of a part with the line that describes it; ranges are many."""
    for key, item in ({} if part is None else part.mapping()).items():
        for name in expanded(item, key):
            yield name, item, item.text()


def _check_new(item: Item, name: str, others: Iterable[str]) -> None:
    if name in set(others):
        raise item.wrong(f"{name!r} is there twice", hint="name each once")


def _with_places(world: World, stores: Item | None, networks: Item | None) -> World:
    inventory = world.inventory
    kinds = {"san": "shared"}
    if stores is not None:
        kinds = {name: _store_kind(item) for name, item in stores.mapping().items()}
    for name, kind in kinds.items():
        store = Datastore(id=DatastoreId(name), name=name, shared=kind == "shared")
        inventory = inventory.with_datastore(store)
    for name in ["lan"] if networks is None else [one.text() for one in networks.entries()]:
        inventory = inventory.with_network(Network(id=NetworkId(name), name=name))
    return replace(world, inventory=inventory)


def _store_kind(item: Item) -> str:
    kind = item.text()
    if kind not in _STORES:
        raise item.wrong(f"{kind!r} is no kind of datastore", hint=instead(kind, _STORES))
    return kind


def policy_of(name: str, item: Item) -> Policy:
    """Return the policy that a mapping such as `{apart: tag = web, domain: rack}` describes.

    Raise `Invalid` with file and line; whether it makes sense is asked of `sound`.
    """
    kinds = [key for key in item.mapping() if key in _KINDS]
    if len(kinds) != 1:
        hint = f"begin with `KIND: QUERY`; the kinds are {', '.join(_KINDS)}"
        raise item.wrong(f"policy {name} has {len(kinds)} kinds", hint=hint)
    values = dict(item.mapping())
    scope = values.pop(kinds[0]).text()
    rest = {key.replace("-", "_"): value.plain() for key, value in values.items()}
    own = {key: rest.pop(key) for key in _OF_POLICY if key in rest}
    body = {"id": name, "scope": scope, "rule": {"kind": kinds[0], **rest}, **own}
    policy: Policy = _guarded(item, lambda: msgspec.convert(body, Policy))
    return policy


def sound(policy: Policy, world: World) -> Policy:
    """Return a policy that makes sense and can be asked; raise `Invalid` if it does not."""
    bind((checked(policy),), world.inventory)
    return policy


def _service(name: str, item: Item) -> Service:
    components = tuple(_component(key, one) for key, one in item.mapping().items())
    if not components:
        raise item.wrong(f"service {name} has no components", hint="write `db: {vms: [db1]}`")
    names = {component.name for component in components}
    for component in components:
        if strange := sorted(set(component.after) - names):
            message = f"component {component.name} comes after {strange[0]!r}"
            raise item.wrong(message, hint=instead(strange[0], names))
    return Service(id=ServiceId(name), components=components)


def _component(name: str, item: Item) -> Component:
    body = {"name": name} | {key: value.plain() for key, value in item.mapping().items()}
    made: Component = _guarded(item, lambda: msgspec.convert(body, Component))
    return made


def _guarded(item: Item, make: Callable[[], Any]) -> Any:
    """Return what `make` returns; its errors get the file and the line."""
    try:
        return make()
    except AnypoolError as error:
        raise item.wrong(error.message, hint=error.hint) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise item.wrong(str(error), hint=_TAKES) from error
