"""Searching for BMCs: which addresses are meant, what is sent, what is believed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.cli.server_discover import address_in, leased
from anypool.clock import SystemClock
from anypool.drivers.presence import present
from anypool.drivers.redfish.greeting import greet
from anypool.drivers.seeking import FoundBmc, Ports
from anypool.engine.discovery import Discovery
from anypool.errors import Busy, Invalid, NotFound
from anypool.service.searches import addresses_of
from tests.unit.redfish_kit import UUID, Service, served

PONG = b"\x06\x00\xff\x06\x00\x00\x11\xbe\x40\x2a\x00\x10" + bytes(8) + b"\x81" + bytes(7)
CAPABILITIES = b"\x06\x00\xff\x07" + bytes(9) + b"\x10\x81\x1c\x63\x20\x00\x38\x00" + bytes(9)


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        yield made


def test_a_greeting_needs_no_login_and_shows_the_certificate(service: Service) -> None:
    port = int(service.url.rpartition(":")[2])
    found = greet("127.0.0.1", port)
    assert found is not None
    assert (found.fingerprint, found.version, found.uuid) == (service.fingerprint, "1.15.0", UUID)
    assert service.asked == ["GET /redfish/v1/"]
    assert service.carried == []


@pytest.mark.parametrize("fault", ["page", "half", (302, {}, {"Location": "/"}), (401, {}, {})])
def test_what_is_no_redfish_is_not_found(service: Service, fault: object) -> None:
    service.faults["/redfish/v1/"] = fault
    assert greet("127.0.0.1", int(service.url.rpartition(":")[2])) is None
    assert greet("127.0.0.1", 1) is None


@pytest.mark.parametrize(
    ("answer", "believed"),
    [
        (PONG, True),
        (CAPABILITIES, True),
        (PONG.replace(b"\x81", b"\x01"), False),
        (b"\x06\x00\xff\x06", False),
        (b"HTTP/1.1 400 Bad Request and so on", False),
    ],
)
def test_ipmi_is_recognised_by_its_answer(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, believed: bool
) -> None:
    monkeypatch.setattr("anypool.drivers.presence.WAIT_S", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bmc:
        bmc.bind(("127.0.0.1", 0))
        asked = list[bytes]()

        def serve() -> None:
            with suppress(OSError):  # nobody may be there to hear the last answers
                for _ in range(4):
                    packet, sender = bmc.recvfrom(512)
                    asked.append(packet)
                    bmc.sendto(answer, sender)

        threading.Thread(target=serve, daemon=True).start()
        assert present("127.0.0.1", bmc.getsockname()[1]) is believed
        assert all(packet[3:4] in b"\x06\x07" for packet in asked)


def test_nobody_there_is_no_bmc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anypool.drivers.presence.WAIT_S", 0.05)
    assert present("127.0.0.1", 9) is False


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.0.0.0/30", ["10.0.0.1", "10.0.0.2"]),
        ("10.0.0.9", ["10.0.0.9"]),
        ("10.0.0.5-7", ["10.0.0.5", "10.0.0.6", "10.0.0.7"]),
        ("10.0.0.255-10.0.1.0", ["10.0.0.255", "10.0.1.0"]),
        ("10.0.0.9, 10.0.0.9-10", ["10.0.0.9", "10.0.0.10"]),
        ("fd00::1-fd00::2", ["fd00::1", "fd00::2"]),
    ],
)
def test_ranges_are_read_as_people_write_them(text: str, meant: list[str]) -> None:
    assert list(addresses_of(text, ())) == meant


@pytest.mark.parametrize("text", ["", "10.0.0.9-5", "10.0.0", "bmc", "10.0.0.0/8", "fd00::/64"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        addresses_of(text, ())


def test_leases_are_read_from_files_of_three_servers(tmp_path: Path) -> None:
    file = tmp_path / "leases"
    file.write_text(
        "1700000000 52:54:00:00:00:01 10.0.0.11 bmc1 01:52:54:00:00:00:01\n"
        "lease 10.0.0.12 {\n  binding state active;\n}\n"
        "address,hwaddr,client_id\n10.0.0.13,52:54:00:00:00:03,,4000\n"
        "duid 00:01:00:01\nlease nonsense {\n"
    )
    assert list(leased(str(file))) == ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
    assert address_in("10.0.0.14") == ""
    file.write_text("nothing")
    with pytest.raises(Invalid, match="holds no leases"):
        list(leased(str(file)))


def test_a_search_looks_at_each_address_once_and_one_runs_at_a_time() -> None:
    go, asked = threading.Event(), list[str]()

    def look(address: str, _ports: Ports) -> FoundBmc | None:
        asked.append(address)
        assert go.wait(5.0)
        if address == "b":
            raise OSError("boom")
        return None if address == "c" else FoundBmc(address=address, redfish=None, ipmi=True)

    discovery = Discovery(SystemClock(), look)
    search = discovery.begin(("d", "a", "b", "c"), Ports())
    with pytest.raises(Busy):
        discovery.begin(("e",), Ports())
    go.set()
    for _ in range(500):
        if (search := discovery.get(search.id)).ended:
            break
        threading.Event().wait(0.01)
    assert (search.done, [one.address for one in search.found]) == (4, ["d", "a"])
    assert sorted(asked) == ["a", "b", "c", "d"]
    with pytest.raises(NotFound):
        discovery.get("none")
