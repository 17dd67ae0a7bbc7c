"""SNMP traps: read from real datagrams, matched by source, bounded, and never believed.

The datagrams were made by pysnmp 7.1, once, and are kept here as they were.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.clock import ManualClock, SystemClock
from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine.hearing.hints import GAP_S, Hints
from anypool.engine.hearing.meaning import About, State, meaning
from anypool.engine.hearing.sources import plain
from anypool.engine.hearing.trap import Trap, read
from anypool.engine.hearing.traps import MOST_STRANGERS, READ, REPEAT_S, Traps, listening_place
from anypool.engine.observing.board import Board
from anypool.errors import Invalid, Unreachable
from anypool.model import Adoption, Bmc, Endpoint, EndpointId, HostId, KnownBmc, PMap
from anypool.model.inventory import Inventory
from anypool.settings import Settings
from anypool.store import Store, events
from anypool.store.pages import Ask
from anypool.store.records import EventRecord, Severity
from tests.unit.store_kit import clock, store  # noqa: F401

HPE_V1 = bytes.fromhex(
    "305202010004067075626c6963a44506072b060104018168400400000000020106020217a2430100302a301206082b"
    "060102010105000406626c616465313014060f2b0601040181680602090301020002020102"
)
DELL_V2 = bytes.fromhex(
    "3081aa02010104067075626c6963a7819c020400dab4f302010002010030818d300d06082b06010201010300430100"
    "301e060a2b06010603010104010006102b060104018522d50c05030201009071305c060e2b060104018522d50c0503"
    "010200044a5468652073797374656d20696e6c65742074656d70657261747572652069732067726561746572207468"
    "616e2074686520757070657220637269746963616c207468726573686f6c642e"
)
INFORM = bytes.fromhex(
    "304302010104067075626c6963a636020400a807210201000201003028300d06082b06010201010300430100301706"
    "0a2b06010603010104010006092b0601060301010501"
)
V3 = bytes.fromhex(
    "3081950201033011020400a80722020300ffe304010302010304323030040b80004fb805766d69dc1e400201020201"
    "000403616461040c3c4dcc32104d2d86b9f2b4d804083bdc7466c20453950449c787225bf69e11bc8abf108e04002a"
    "5930597eea5356f471e90124abe422cc55d4ae2480f926fdadf0d327ed06e9c369b6ad41800e62025e585ade2663cc"
    "1f90ebbed53a3d2ac91cde"
)
KNOWN, FOUND, HOSTS, STRANGE = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.9.9"


def test_traps_of_every_version_are_read() -> None:
    one, two, three, asks = map(read, (HPE_V1, DELL_V2, V3, INFORM))
    assert (one.version, one.oid, one.texts) == ("1", "1.3.6.1.4.1.232.0.6050", ("blade1", "2"))
    assert (two.version, two.community, two.asks) == ("2c", b"public", False)
    assert three == Trap(version="3")
    assert asks.asks


def taken(data: bytes) -> None:
    """Read what was sent; only that it is no trap may be said."""
    try:
        trap = read(data)
    except ValueError:
        return
    assert meaning(trap).said(trap.version).code.startswith("trap.")


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x30\x80\x02\x01\x00")
@example(b"\x30\x84\xff\xff\xff\xff")
def test_whatever_is_sent_is_a_trap_or_refused(data: bytes) -> None:
    taken(data)


@given(st.sampled_from((HPE_V1, DELL_V2, INFORM, V3)), st.data())
def test_a_trap_that_is_spoiled_on_its_way_is_a_trap_or_refused(
    good: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(good) - 1))
    spoiled = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    for one in (spoiled, good[:at]):
        taken(one)


def of(oid: str, *texts: str, raw: bytes = b"") -> tuple[About, State, str]:
    binds = tuple((f"1.3.6.1.4.1.9.{n}", text) for n, text in enumerate(texts))
    found = meaning(Trap(version="2c", oid=oid, binds=binds, raw={"x": raw} if raw else {}))
    return found.about, found.state, found.vendor


PET = bytes(26) + b"\x10" + bytes(20)


@pytest.mark.parametrize(
    ("told", "means"),
    [
        (of("1.3.6.1.6.3.1.1.5.3"), (About.LINK, State.FAILED, "")),
        (of("1.3.6.1.4.1.232.0.6050"), (About.SUPPLY, State.FAILED, "HPE")),
        (of("1.3.6.1.4.1.232.0.6042"), (About.TEMPERATURE, State.GOOD, "HPE")),
        (of("1.3.6.1.4.1.232.0.9018"), (About.POWER, State.TOLD, "HPE")),
        (of("1.3.6.1.4.1.674.10892.5.3.2.1.0.2154"), (About.FAN, State.DEGRADED, "Dell")),
        (of("1.3.6.1.4.1.674.10892.5.3.2.4.0.8579"), (About.POWER, State.TOLD, "Dell")),
        (of("1.3.6.1.4.1.3183.1.1.0.262402", raw=PET), (About.FAN, State.FAILED, "IPMI")),
        (of("1.3.6.1.4.1.3183.1.1.0.262530", raw=PET), (About.FAN, State.GOOD, "IPMI")),
        (of("1.3.6.1.4.1.231.2.10.2.2.10.20.0.1", "PSU1 failed"),
         (About.SUPPLY, State.FAILED, "Fujitsu")),
        (of("1.3.6.1.4.1.231.2.10.2.2.10.20.0.2", "Ambient: temperature ok"),
         (About.TEMPERATURE, State.GOOD, "Fujitsu")),
        (of("1.3.6.1.4.1.99999.1", "x"), (About.OTHER, State.TOLD, "")),
    ],
)  # fmt: skip
def test_what_a_trap_is_about(told: object, means: object) -> None:
    assert told == means


def test_of_an_unknown_trap_its_id_and_its_words_are_left() -> None:
    binds = (("1.3.6.1.4.1.99999.5", "door open"),)
    found = meaning(Trap(version="2c", oid="1.3.6.1.4.1.99999.0.7", binds=binds))
    assert found.text == "1.3.6.1.4.1.99999.0.7: door open"
    assert found.severity is Severity.INFO


class Bench:
    """A receiver over a rack of two servers, of which one is adopted, and a host with a BMC."""

    def __init__(self, opened: Store, time: ManualClock, **settings: str) -> None:
        self.store, self.clock = opened, time
        self.looked: list[str] = []
        frame = SimDriver(build_world(Shape(hosts=1, vms=1, servers=2))).observe()
        first, second = (
            (one, EndpointId(f"bmc-{number}")) for number, one in enumerate(frame.servers, 1)
        )
        servers = (
            replace(first[0], endpoint=first[1], adoption=Adoption.ADOPTED),
            replace(second[0], endpoint=second[1], adoption=Adoption.FOUND),
        )
        host = frame.hosts[0]
        uris = ((first[1], f"redfish://{KNOWN}:8443"), (second[1], f"ipmi://{FOUND}"))
        bmc = Bmc(host=host.id, url="https://h1-bmc.lan", user="x", system="", fingerprint="")
        self.engine = SimpleNamespace(
            board=Board(),
            leads=True,
            inventory=Inventory(
                servers=PMap.of({one.id: one for one in servers}),
                hosts=PMap.of({host.id: host}),
            ),
            endpoints=lambda: [Endpoint(id=key, driver=uri.partition(":")[0], uri=uri)
                               for key, uri in uris],
            bmcs=SimpleNamespace(all=lambda: (KnownBmc(bmc=bmc),), read=self.look),
            servers=SimpleNamespace(look=self.look),
        )  # fmt: skip
        self.hints = Hints(time)
        self.hints.submit = lambda task: task()
        made = Settings(state_dir="/nowhere", **settings)
        self.traps = Traps(self.engine, opened, time, made, self.hints)  # type: ignore[arg-type]
        self.traps.sources.resolve = lambda name: {"h1-bmc.lan": [HOSTS]}[name]
        self.traps.sources.refresh()
        self.server = servers[0]

    def look(self, what: str) -> None:
        self.looked.append(str(what))
        if what == HostId("nobody"):
            raise Unreachable("silent")

    def take(self, datagram: bytes, address: str = KNOWN) -> None:
        self.traps.take(datagram, address)
        self.hints.round()

    @property
    def events(self) -> list[EventRecord]:
        with self.store.reading() as tx:
            return list(reversed(events.find(tx, Ask(limit=100)).items))


@pytest.fixture
def bench(store: Store, clock: ManualClock) -> Bench:  # noqa: F811
    return Bench(store, clock)


def test_a_trap_is_an_event_of_its_server_and_a_reason_to_look(bench: Bench) -> None:
    bench.take(DELL_V2)
    (event,) = bench.events
    assert (event.kind, event.subject_kind, event.subject_id) == (
        "server.trap", "server", bench.server.id,
    )  # fmt: skip
    assert event.severity is Severity.WARNING
    assert "which proves nothing: temperature is critical: The system inlet" in event.message
    assert event.by == f"SNMP from {KNOWN}"
    assert bench.looked == ["bmc-1"]
    assert bench.engine.inventory.servers[bench.server.id] == bench.server, "nothing is believed"


def test_a_hosts_bmc_is_found_by_its_name_and_the_host_is_looked_at(bench: Bench) -> None:
    bench.take(HPE_V1, HOSTS)
    (event,) = bench.events
    assert (event.kind, event.subject_kind) == ("host.trap", "host")
    assert bench.looked == [event.subject_id]


def test_of_version_3_it_is_told_that_something_happened(bench: Bench) -> None:
    bench.take(V3)
    assert "SNMPv3" in bench.events[0].message
    assert bench.looked == ["bmc-1"]


@pytest.mark.parametrize(
    ("address", "why"), [(STRANGE, "no server has its BMC there"), (FOUND, "is found, not adopted")]
)
def test_who_is_not_known_is_counted_told_once_and_not_read(
    bench: Bench, address: str, why: str
) -> None:
    for _ in range(30):
        bench.take(DELL_V2, address)
    (event,) = bench.events
    assert (event.kind, event.subject_id) == ("traps.unknown-source", "")
    assert why in event.message
    (heard,) = bench.traps.heard()
    assert (heard.received, heard.last) == (30, "not read")
    assert bench.looked == []


def test_a_bmc_that_was_just_added_is_known_at_once(bench: Bench) -> None:
    before = bench.engine.endpoints()
    bench.engine.endpoints = list
    bench.traps.sources.refresh()
    bench.take(DELL_V2)
    assert bench.looked == []
    bench.engine.endpoints = lambda: before
    bench.clock.advance(1.0)
    bench.take(HPE_V1)
    assert bench.looked == ["bmc-1"]
    assert bench.traps.heard()[0].why == ""


def test_many_unknown_ones_fill_neither_memory_nor_the_records(bench: Bench) -> None:
    for number in range(2 * MOST_STRANGERS):
        bench.take(DELL_V2, f"10.8.{number // 256}.{number % 256}")
    assert len(bench.traps.heard()) == MOST_STRANGERS
    assert len(bench.events) == 10
    bench.take(DELL_V2)
    assert bench.events[-1].kind == "server.trap", "those that are known are heard meanwhile"


def test_the_same_trap_again_is_counted_only(bench: Bench) -> None:
    for _ in range(5):
        bench.take(DELL_V2)
    assert len(bench.events) == 1
    assert bench.traps.heard()[0].repeated == 4
    bench.clock.advance(REPEAT_S + 1)
    bench.take(DELL_V2)
    assert len(bench.events) == 2


def numbered(number: int) -> bytes:
    """The trap of HPE as if of another power supply."""
    return HPE_V1[:-1] + bytes([number])


def test_a_storm_of_one_source_is_bounded_in_events_readings_and_looks(bench: Bench) -> None:
    for number in range(1, 128):
        bench.take(numbered(number))
    kinds = [event.message.endswith("counts them") for event in bench.events]
    assert (len(kinds), sum(kinds)) == (11, 1)
    (heard,) = bench.traps.heard()
    assert heard.dropped == 127 - READ[0]
    assert heard.unwritten == READ[0] - 10
    assert len(bench.looked) == 1
    bench.clock.advance(GAP_S)
    bench.hints.round()
    assert len(bench.looked) == 2, "what came during the first look is looked after"


def test_a_wrong_community_and_what_is_no_trap_are_refused(
    store: Store,  # noqa: F811
    clock: ManualClock,  # noqa: F811
) -> None:
    bench = Bench(store, clock, snmp_trap_community="other")
    bench.take(DELL_V2)
    bench.take(b"hello")
    assert bench.traps.heard()[0].refused == 2
    assert bench.events == []


def test_a_manager_that_does_not_lead_takes_none(bench: Bench) -> None:
    bench.engine.leads = False
    bench.take(DELL_V2)
    assert (bench.events, bench.traps.heard()) == ([], ())


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    def wait(is_so: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(500):
            if is_so():
                return
            pause.wait(0.01)
        raise AssertionError("it did not become so within 5 s")

    return wait


@pytest.fixture
def listening(store: Store) -> Iterator[Traps]:  # noqa: F811
    made = Bench(store, ManualClock(1.0), snmp_trap_listen="127.0.0.1:0").traps
    made._clock = SystemClock()
    made._open()
    yield made
    made.stop()


def test_what_arrives_at_the_socket_is_taken_and_nothing_is_answered(
    listening: Traps, until: Callable[[Callable[[], bool]], None]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.2)
        for datagram in (b"\xff" * 8192, INFORM):
            sender.sendto(datagram, ("127.0.0.1", listening.port))
        until(lambda: sum(one.received for one in listening.heard()) == 2)
        with pytest.raises(TimeoutError):
            sender.recv(100)
    assert listening.heard()[0].address == "127.0.0.1"


def test_a_port_that_is_taken_is_told_and_ends_nothing(listening: Traps, store: Store) -> None:  # noqa: F811
    place = f"127.0.0.1:{listening.port}"
    other: Any = Bench(store, ManualClock(1.0), snmp_trap_listen=place).traps
    assert other.round() > 0
    assert "cannot listen" in other.problem


@pytest.mark.parametrize("text", ["162", "host:162", "0.0.0.0:x", "0.0.0.0:70000", ":162"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="snmp_trap_listen"):
        listening_place(text)


def test_addresses_are_compared_in_one_form() -> None:
    assert listening_place("[::]:1162") == ("::", 1162)
    assert plain("::ffff:10.0.0.9") == "10.0.0.9"
    assert plain("FE80::1%eth0") == "fe80::1"
