"""Servers are adopted over HTTP and the command line: what is checked, kept, shown and sent.

The BMC is a double of our own with everything that a good one tells.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from anypool.errors import Unreachable
from anypool.model import EndpointId
from anypool.service.adoption import endpoint_of
from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.redfish_kit import PASSWORD, RESET, SYSTEM, USER, UUID, Service, served
from tests.unit.redfish_rack import FC, ISCSI, LAN, V1, blade


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        yield made


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture
def client(manager: Manager, service: Service) -> Iterator[httpx.Client]:
    blade(service)
    service.power = "On"
    service.patches.clear()
    with manager.client() as client:
        yield client
        for one in client.get("/endpoints").json()["items"]:
            client.delete(f"/endpoints/{one['id']}")


def body(service: Service, **changes: Any) -> dict[str, Any]:
    address = service.url.removeprefix("https://")
    said = {"address": address, "user": USER, "password": PASSWORD, "name": "b3"}
    return said | {"fingerprint": service.fingerprint} | changes


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"fingerprint": ""}, 409, "nobody confirmed"),
    ({"fingerprint": "AB" * 32}, 422, "another certificate"),
    ({"password": "wrong-canary"}, 422, "does not let operator in"),
    ({"user": ""}, 422, "user and password"),
    ({"address": "http://10.0.0.1"}, 422, "no address of a BMC"),
    ({"address": "127.0.0.1:1"}, 503, "cannot be reached"),
    ({"pool": "none"}, 422, "no pool"),
    ({"name": "no name"}, 422, "not a name"),
    ({"system": "9"}, 404, "has no /redfish/v1/Systems/9"),
]


@pytest.mark.parametrize(("changes", "status", "said"), REFUSED)
def test_what_is_not_right_is_refused_and_nothing_is_kept(
    client: httpx.Client, service: Service, changes: dict[str, Any], status: int, said: str
) -> None:
    found = problem(client.post("/servers", json=body(service, **changes)), status)
    assert said in found["detail"]
    assert PASSWORD not in str(found)
    assert client.get("/servers").json()["items"] == []
    assert client.get("/endpoints").json()["items"] == []
    assert service.patches == []


def test_a_server_is_adopted_with_what_was_proved_of_it(
    client: httpx.Client, service: Service
) -> None:
    service.extra[ISCSI]["@Redfish.WriteableProperties"] = []
    made = client.post("/servers", json=body(service))
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["id"], one["name"], one["adoption"]) == (UUID, "b3", "adopted")
    assert (one["power"], one["health"], one["chassis"], one["slot"]) == (
        "on", "warning", "Rack 4 Box 1", "3",
    )  # fmt: skip
    assert (one["cpus"], one["sockets"], one["memory_mib"]) == (32, 1, 98304)
    kinds = [(adapter["kind"], [port["address"] for port in adapter["ports"]])
             for adapter in one["adapters"]]  # fmt: skip
    assert kinds == [
        ("ethernet", ["12:44:6a:3b:04:11"]),
        ("fc", ["10:00:b0:5a:dd:bb:74:e0"]),
        ("ethernet", ["aa:bb:cc:00:11:22"]),
    ]
    assert "addresses" in one["abilities"]
    assert "iscsi-boot" not in one["abilities"]
    assert [path for path, _ in service.patches][:2] == [f"{LAN}/Settings", FC]
    again = problem(client.post("/servers", json=body(service, name="b4")), 409)
    assert "managed already" in again["detail"]
    told = [event["kind"] for event in client.get("/events").json()["items"]]
    assert "server.adopted" in told


def test_a_server_that_was_only_found_is_looked_at_and_never_switched(
    client: httpx.Client, service: Service
) -> None:
    asked = {"fingerprint": service.fingerprint, "user": USER}
    address = service.url.replace("https", "redfish")
    made = client.post(
        "/endpoints", json={"uri": address, "options": asked, "password": PASSWORD, "name": "e"}
    )
    assert made.status_code == 201, made.text
    assert made.json()["endpoint"]["observe_only"] is True
    client.patch(f"/servers/{UUID}", json={"adoption": "found", "name": ""})
    assert client.get("/servers/web483").json()["adoption"] == "found"
    assert client.get("/servers/web483/hardware").json()["bios"] == "P79 v1.45"
    deeds = {"power": {"to": "force-off"}, "boot": {"target": "Pxe"}, "medium": {}}
    for deed, content in deeds.items():
        found = problem(client.post(f"/servers/web483/{deed}", json=content), 409)
        assert "server adopt" in found["hint"]
    client.patch("/servers/web483", json={"adoption": "adopted"})
    found = problem(client.post("/servers/web483/power", json={"to": "off"}), 422)
    assert "observe-only" in found["detail"]
    assert f"POST {RESET}" not in service.asked
    assert service.patches == []


def test_a_server_is_switched_and_what_was_ordered_is_written_before(
    client: httpx.Client, service: Service, manager: Manager
) -> None:
    del service.extra[SYSTEM]
    client.post("/servers", json=body(service))
    asked = {"json": {"to": "force-off"}, "params": {"dry_run": True}}
    assert client.post("/servers/b3/power", **asked).json()["power"] == "on"  # type: ignore[arg-type]
    off = client.post("/servers/b3/power", json={"to": "force-off"}).json()
    assert (off["power"], service.power) == ("off", "Off")
    assert client.post("/servers/b3/power", json={"to": "on"}).json()["power"] == "on"
    service.faults[RESET] = "half"
    problem(client.post("/servers/b3/power", json={"to": "off"}), 504)
    del service.faults[RESET]
    told = [event["kind"] for event in client.get("/events").json()["items"]]
    done = ["server.order-done", "server.ordered"]
    assert told[:6] == ["server.order-failed", "server.ordered", *done, *done], "the newest first"
    with manager.client(Role.VIEWER) as viewer:
        problem(viewer.post("/servers/b3/power", json={"to": "off"}), 403)


def test_the_next_start_sensors_and_log_go_through(client: httpx.Client, service: Service) -> None:
    client.post("/servers", json=body(service, prove=False))
    assert service.patches == []
    assert client.post("/servers/b3/boot", json={"target": "Pxe"}).status_code == 200
    assert service.patches[0][1]["Boot"]["BootSourceOverrideTarget"] == "Pxe"
    assert client.get("/servers/b3/sensors").json()["items"][0]["reading"] == 41.5
    assert client.get("/servers/b3/log").json()["items"][-1]["message"] == "Fan 2 failed"
    problem(client.post("/servers/b3/boot", json={"target": "Usb"}), 502)


def test_a_bmc_that_falls_silent_makes_the_power_unknown(
    client: httpx.Client, service: Service, manager: Manager
) -> None:
    client.post("/servers", json=body(service))
    service.faults[SYSTEM] = (500, {}, {})
    with pytest.raises(Unreachable):
        manager.app.engine.servers.look(EndpointId("bmc-b3"))
    assert client.get("/servers/b3").json()["power"] == "unknown"
    del service.faults[SYSTEM]
    manager.app.engine.servers.look(EndpointId("bmc-b3"))
    assert client.get("/servers/b3").json()["power"] == "on"


@pytest.mark.parametrize(
    ("address", "system", "uri"),
    [
        ("10.0.0.9", "", "redfish://10.0.0.9"),
        ("https://bmc:8443/redfish/v1/", "", "redfish://bmc:8443"),
        ("redfish://bmc/redfish/v1/Systems/1", "", "redfish://bmc/redfish/v1/Systems/1"),
        ("[fd00::1]:443", "2", "redfish://[fd00::1]:443/redfish/v1/Systems/2"),
        ("bmc", f"{V1}/Systems/a", "redfish://bmc/redfish/v1/Systems/a"),
    ],
)
def test_addresses_are_read_as_people_write_them(address: str, system: str, uri: str) -> None:
    assert endpoint_of(address, system).uri == uri


def test_a_range_is_searched_and_what_is_known_is_named(
    client: httpx.Client, service: Service
) -> None:
    port = int(service.url.rpartition(":")[2])
    service.carried.clear()
    asked = {"ranges": "127.0.0.1-2", "redfish_port": port, "ipmi_port": 9}
    search = client.post("/server-searches", json=asked).json()
    path = f"/server-searches/{search['id']}"
    until(lambda: client.get(path).json()["ended"], "the search ends")
    found = client.get(path).json()["found"]
    assert [(one["address"], one["fingerprint"], one["server"]) for one in found] == [
        ("127.0.0.1", service.fingerprint, "")
    ]
    assert service.carried == []
    client.post("/servers", json=body(service))
    assert client.get(path).json()["found"][0]["server"] == "b3"
    problem(client.post("/server-searches", json={"ranges": "10.0.0.0/8"}), 422)
