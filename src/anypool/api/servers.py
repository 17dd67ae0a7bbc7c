"""The routes of physical servers."""

from typing import Annotated

from litestar import Response, get, patch
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, IfMatch, Key, Searched, Use, expected, tagged
from anypool.api.views import ListView, list_view
from anypool.api.vms import Text
from anypool.model import Adapter, Adoption, Inventory, Port, Server
from anypool.service.servers import ServerChange


class ServerPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to say anew of a server; what is left out stays, "" is what is observed."""

    adoption: Adoption | None = None
    spare: bool | None = None
    tags: Annotated[tuple[Text, ...], Meta(max_length=100)] | None = None
    name: Text | None = None
    chassis: Text | None = None
    slot: Text | None = None


class PortView(Struct, frozen=True, kw_only=True):
    """A port; `address` is the MAC or WWPN in use, `permanent` the one it was built with."""

    id: str
    address: str
    permanent: str
    node: str
    link: str
    switch: str
    switch_port: str
    networks: tuple[str, ...]


class AdapterView(Struct, frozen=True, kw_only=True):
    """An adapter with its ports."""

    id: str
    kind: str
    model: str
    ports: tuple[PortView, ...]


class ServerView(Struct, frozen=True, kw_only=True):
    """A physical server; `host` is the name of the host that it is, "" if it runs no VMs."""

    id: str
    name: str
    endpoint: str
    pool: str
    power: str
    health: str
    adoption: str
    spare: bool
    chassis: str
    slot: str
    vendor: str
    model: str
    serial: str
    arch: str
    cpus: int
    sockets: int
    cpu_model: str
    memory_mib: int
    adapters: tuple[AdapterView, ...]
    abilities: tuple[str, ...]
    firmware: str
    bears: str
    entered: str
    host: str
    tags: tuple[str, ...]


def server_view(server: Server, inventory: Inventory) -> ServerView:
    """Return a server as it is shown."""
    host = inventory.hosts.get(server.host)
    return ServerView(
        id=server.id,
        name=server.name,
        endpoint=server.endpoint,
        pool=server.pool,
        power=server.power,
        health=server.health,
        adoption=server.adoption,
        spare=server.spare,
        chassis=server.chassis,
        slot=server.slot,
        vendor=server.vendor,
        model=server.model,
        serial=server.serial,
        arch=server.arch,
        cpus=server.cpus,
        sockets=server.sockets,
        cpu_model=server.cpu_model,
        memory_mib=server.memory_mib,
        adapters=tuple(map(_adapter, server.adapters)),
        abilities=tuple(sorted(server.abilities)),
        firmware=server.firmware,
        bears=server.bears,
        entered=server.entered,
        host="" if host is None else host.name,
        tags=tuple(sorted(server.tags)),
    )


def _adapter(adapter: Adapter) -> AdapterView:
    ports = tuple(map(_port, adapter.ports))
    return AdapterView(id=adapter.id, kind=adapter.kind, model=adapter.model, ports=ports)


def _port(port: Port) -> PortView:
    return PortView(
        id=port.id,
        address=port.address,
        permanent=port.permanent,
        node=port.node,
        link=port.link,
        switch=port.switch,
        switch_port=port.switch_port,
        networks=tuple(sorted(port.networks)),
    )


@get("/servers", sync_to_thread=True)
def list_servers(services: Use, by: By, search: Searched) -> ListView[ServerView]:
    """List physical servers."""
    inventory = services.pool.inventory(by)
    return list_view(services.servers.list(by, search), lambda one: server_view(one, inventory))


@get("/servers/{key:str}", sync_to_thread=True)
def get_server(services: Use, by: By, key: Key) -> Response[ServerView]:
    """Show one physical server."""
    server = services.servers.get(by, key)
    return tagged(server_view(server, services.pool.inventory(by)), server)


@patch("/servers/{key:str}", sync_to_thread=True)
def change_server(
    services: Use, by: By, key: Key, data: JSONBody[ServerPatch], if_match: IfMatch = None
) -> Response[ServerView]:
    """Say whether a server is ours, a spare, where it stands, its name and tags."""
    asked = ServerChange(
        adoption=data.adoption,
        spare=data.spare,
        tags=data.tags,
        name=data.name,
        chassis=data.chassis,
        slot=data.slot,
    )
    server = services.servers.change(by, key, asked, expected(if_match))
    return tagged(server_view(server, services.pool.inventory(by)), server)


ROUTES = (list_servers, get_server, change_server)
