"""A server is replaced over HTTP: new hardware in its place takes over all that was its own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.manager_kit import Manager, finished, problem, running, until
from tests.service.test_adoption import body
from tests.unit.redfish_kit import SYSTEM, Service, served
from tests.unit.redfish_rack import FC, LAN, blade

NEW = "0f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f61"
OWN = "12:44:6A:3B:04:77"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        found = blade(made)
        for path in [one for one in found if "EthernetInterfaces" in one or one == FC]:
            del found[path]
        functions = LAN.rpartition("/")[0]
        found[functions] = {"Members": [{"@odata.id": LAN}]}
        del found[LAN]["@Redfish.Settings"]
        switch(made, "Off")
        made.actions[f"{SYSTEM}/reset"] = lambda asked: switch(made, asked["ResetType"])
        found[SYSTEM]["Actions"]["#ComputerSystem.Reset"]["target"] = f"{SYSTEM}/reset"
        yield made


def switch(service: Service, kind: str) -> None:
    service.extra[SYSTEM]["PowerState"] = "On" if kind == "On" else "Off"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("state")) as made:
        yield made


def new_hardware(service: Service) -> None:
    """Put another blade in the slot: other ids and addresses, off."""
    service.extra[SYSTEM] |= {"UUID": NEW, "SerialNumber": "NEW1"}
    service.extra[LAN]["Ethernet"] = {"MACAddress": OWN, "PermanentMACAddress": OWN}
    switch(service, "Off")


def test_new_hardware_takes_the_place_the_name_and_the_profile(
    manager: Manager, service: Service
) -> None:
    with manager.client() as client:
        assert client.post("/servers", json=body(service)).status_code == 201
        client.patch("/servers/b3", json={"spare": True, "tags": ["blue"]})
        range_ = {"name": "lan", "kind": "mac", "first": "02:00:00:00:01:00", "count": 8}
        client.post("/address-ranges", json=range_)
        client.post("/profiles", json={"name": "db", "nics": [[]]})
        told = client.post("/profiles/db/assign", json={"to": "b3"})
        assert finished(client, told)["state"] == "done"
        before = client.get("/profiles/db").json()
        refused = client.post("/servers/b3/replace", json=asked(service))
        assert "still in its place" in problem(refused, 409)["detail"]
        new_hardware(service)
        wrong = client.post("/servers/b3/replace", json=asked(service, fingerprint="AB" * 32))
        assert wrong.status_code == 422, wrong.text
        done = client.post("/servers/b3/replace", json=asked(service))
        assert done.status_code == 200, done.text
        server = done.json()["server"]
        assert (server["id"], server["name"], server["serial"]) == (NEW, "b3", "NEW1")
        assert (server["spare"], server["tags"], server["adoption"]) == (True, ["blue"], "adopted")
        ended = until(lambda: gone(client, done.json()["operation"]["id"]), "it ends")
        assert ended["state"] == "done", ended
        after = client.get("/profiles/db").json()
        assert (after["server_id"], after["epoch"]) == (NEW, before["epoch"] + 1)
        assert after["ports"] == before["ports"], "nothing changes in the LAN"
        written = service.extra[LAN]["Ethernet"]
        assert written["MACAddress"].lower() == after["ports"][0]["address"]
        (latest, first) = client.get("/profiles/db/history").json()["items"]
        assert "taken out of its slot" in first["proof"]
        assert latest["server_id"] == NEW
        assert len(client.get("/servers").json()["items"]) == 1


def gone(client: httpx.Client, operation: str) -> dict[str, Any] | None:
    found: dict[str, Any] = client.get(f"/operations/{operation}").json()
    return found if found["ended_at"] or found["state"] == "needs-human" else None


def asked(service: Service, **changes: Any) -> dict[str, Any]:
    return {"fingerprint": service.fingerprint} | changes
