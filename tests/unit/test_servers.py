"""Physical servers: what endpoints say of them, what is ours, and what stays in silence."""

from msgspec.structs import replace

from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.model import (
    AdapterKind,
    Adoption,
    Endpoint,
    EndpointId,
    HostId,
    Inventory,
    Power,
    ServerId,
)
from anypool.plan.parts import chunks_by_name, decode_chunk, joined, names_in, parted
from anypool.search import Noun, parse
from anypool.store.records import LastKnown, ServerFacts
from tests.strategies import pool

RACK = Endpoint(id=EndpointId("rack"), driver="sim", uri="sim://sim/servers", pool="prod")
OTHER = Endpoint(id=EndpointId("other"), driver="sim", uri="sim://x/servers")
FIRST = ServerId(HostId("sim-blade1"))


def seen(servers: int = 3) -> Picture:
    frame = SimDriver(build_world(Shape(servers=servers)), ()).observe()
    picture = Picture(Ours())
    picture.apply(RACK, frame, picture.moment(), frozenset())
    return picture


def test_servers_are_shown_as_their_endpoint_says() -> None:
    server = seen().inventory.server(FIRST)
    assert (server.endpoint, server.pool, server.power) == ("rack", "prod", Power.OFF)
    assert len(server.ports_of(AdapterKind.FC)) == len(server.ports_of(AdapterKind.ETHERNET)) == 2
    assert server.place == "bx1/1"


def test_the_power_of_servers_is_unknown_while_their_endpoint_is_silent() -> None:
    picture = seen()
    told = picture.lose(RACK.id).notices
    assert {one.id for one in told if one.kind == "server"} == set(picture.inventory.servers)
    assert {one.power for one in picture.inventory.servers.values()} == {Power.UNKNOWN}


def test_servers_that_their_endpoint_names_no_more_are_gone_and_those_of_others_stay() -> None:
    picture = seen()
    fewer = SimDriver(build_world(Shape(servers=1)), ()).observe()
    picture.apply(OTHER, fewer, picture.moment(), frozenset())
    assert picture.inventory.server(FIRST).endpoint == "rack"
    picture.apply(RACK, fewer, picture.moment(), frozenset())
    assert list(picture.inventory.servers) == [FIRST]
    picture.forget(RACK.id)
    assert not picture.inventory.servers


def test_what_is_ours_lies_over_what_is_observed_and_goes_back() -> None:
    picture = seen()
    ours = ServerFacts(server=FIRST, name="db", chassis="x", slot="9", spare=True,
                       adoption=Adoption.ADOPTED, tags=frozenset({"a"}))  # fmt: skip
    picture.put_server_facts(ours)
    server = picture.inventory.server(FIRST)
    assert (server.name, server.place, server.spare) == ("db", "x/9", True)
    picture.put_server_facts(replace(ours, name="", chassis="", slot=""))
    assert (picture.inventory.server(FIRST).name, server.adoption) == ("blade1", Adoption.ADOPTED)


def test_what_was_known_before_a_restart_is_shown_with_unknown_power() -> None:
    known = tuple(seen().inventory.servers.values())
    again = Picture(Ours(servers={FIRST: ServerFacts(server=FIRST, spare=True)}))
    again.remember(LastKnown(servers=known))
    server = again.inventory.server(FIRST)
    assert (server.power, server.spare, server.memory_mib) == (Power.UNKNOWN, True, 128 * 1024)


def test_an_inventory_without_servers_has_the_name_it_always_had() -> None:
    plain, more = parted(pool()), parted(pool().with_server(seen().inventory.server(FIRST)))
    assert len(plain.manifest) < len(more.manifest)
    assert names_in(plain.manifest)["servers"] == []
    (name,) = names_in(more.manifest)["servers"]
    (found,) = decode_chunk("servers", chunks_by_name(more, [name])[name])
    assert found.id == FIRST
    loaded: Inventory = joined(more.manifest, lambda names: chunks_by_name(more, names))
    assert loaded.servers[FIRST] == found


def test_servers_are_found_by_what_they_are_and_by_their_addresses() -> None:
    inventory = seen().inventory
    servers = tuple(inventory.servers.values())

    def found(query: str) -> list[str]:
        return sorted(one.name for one in parse(query, Noun.SERVER).filter(servers, inventory))

    assert found("power = off and memory >= 128GiB and network = net1") == [
        "blade1", "blade2", "blade3",
    ]  # fmt: skip
    assert found("address = 02:5a:00:00:02:01") == ["blade2"]
    assert found("slot = 3") == found("blade3") == ["blade3"]
