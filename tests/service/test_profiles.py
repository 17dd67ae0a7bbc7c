"""Ranges and profiles over HTTP: what is refused, what is shown, and the lists for LAN and SAN."""

from typing import Any

import httpx
import pytest

from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, problem

TARGET = {"iqn": "iqn.2026-11.local.store:lun1", "address": "10.0.0.5", "lun": 1}
FC = {"wwpn": "50:06:0E:80:00:00:00:01", "lun": 2}


@pytest.fixture(scope="module")
def made(pool: httpx.Client) -> httpx.Client:
    add_sim(pool, "racks", "hosts=1&vms=1&servers=3")
    lan = {"name": "lan", "kind": "mac", "first": "02-00-00-00-01-00", "count": 256}
    san = {"name": "san", "kind": "wwn", "first": "5001234500000100", "last": "50012345000001ff"}
    for body in (lan, san):
        assert pool.post("/address-ranges", json=body).status_code == 201
    return pool


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"first": "03:00:00:00:00:01"}, "group address"),
    ({"first": "00:00:00:00:00:01"}, "locally administered"),
    ({"first": "52:54:00:12:00:00"}, "that of VMs"),
    ({"first": "02:00"}, "is no MAC"),
    ({"kind": "wwn", "first": "10:00:00:00:00:00:00:01"}, "NAA"),
    ({"kind": "iqn"}, "have no ranges"),
    ({"count": 0}, "a last address or a count"),
    ({"count": 0, "last": "02:00:00:00:00:00"}, "ends before it begins"),
]


@pytest.mark.parametrize(("body", "said"), WRONG)
def test_a_range_that_cannot_be_is_refused(
    made: httpx.Client, body: dict[str, Any], said: str
) -> None:
    asked = {"name": "x", "kind": "mac", "first": "02:00:00:00:02:00", "count": 4} | body
    assert said in problem(made.post("/address-ranges", json=asked), 422)["detail"]
    problem(made.get("/address-ranges/x"), 404)


def test_a_profile_is_made_before_any_server_is_there(made: httpx.Client) -> None:
    body = {"name": "db1", "nics": [["net1"], []], "iscsi": [TARGET], "pool": "default",
            "needs": {"memory_mib": 65536}, "bios": [["Boot", "Uefi"]]}  # fmt: skip
    one = made.post("/profiles", json=body)
    assert one.status_code == 201
    shown = one.json()
    assert shown["boot"] == ["iscsi"]
    assert shown["initiator"] == "iqn.2026-11.local.anypool:db1"
    assert [port["id"] for port in shown["ports"]] == ["nic1", "nic2"]
    mac = shown["ports"][0]["address"]
    assert made.get("/profiles", params={"q": f"address = {mac}"}).json()["total"] == 1
    whose = made.get("/address-ranges/lan").json()["addresses"]
    assert (whose[0]["profile"], whose[0]["state"]) == ("db1", "reserved")
    problem(made.post("/profiles", json=body), 409)
    changed = made.patch("/profiles/db1", json={"tags": ["prod"]}).json()
    assert (changed["tags"], changed["ports"]) == (["prod"], shown["ports"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"boot": ["fc"]}, "boots by FC"),
    ({"boot": ["disk", "disk"]}, "names a way twice"),
    ({"initiator": "me"}, "no name of an initiator"),
    ({"initiator": "iqn.2026-11.x:a b"}, "no name of an initiator"),
    ({"ip": "not-an-ip"}, "no address of IPv4"),
    ({"script": "boot.ipxe"}, "no address for iPXE"),
    ({"script": "http://[x"}, "is no address"),
    ({"iscsi": [{"iqn": "iqn.2026-11.x:y", "address": ""}]}, "has an address"),
    ({"fc": [{"wwpn": "12"}]}, "is no WWN"),
    ({"name": "no name"}, "not a name"),
    ({"needs": {"memory_mib": -1}}, "negative"),
]


@pytest.mark.parametrize(("body", "said"), BAD)
def test_a_profile_that_cannot_be_is_refused(
    made: httpx.Client, body: dict[str, Any], said: str
) -> None:
    before = made.get("/address-ranges/lan").json()["reserved"]
    found = problem(made.post("/profiles", json={"name": "bad"} | body), 422)
    assert said in found["detail"]
    assert made.get("/address-ranges/lan").json()["reserved"] == before


def test_lan_and_san_people_get_their_lists(made: httpx.Client) -> None:
    body = {"name": "san1", "nics": [["net1"]], "hbas": [["fabric-a"], ["fabric-b"]], "fc": [FC]}
    shown = made.post("/profiles", json=body).json()
    made.patch("/servers/blade2", json={"spare": True})
    query = {"for": "lan", "q": "name = san1"}
    (row,) = made.get("/wiring", params=query).json()["lan"]
    assert (row["role"], row["server"], row["switch"], row["switch_port"]) == (
        "spare", "blade2", "bx1-sw1", "0/2",
    )  # fmt: skip
    zones = made.get("/wiring", params=query | {"for": "san"}).json()["san"]
    assert [(one["initiator"], one["fabric"], one["target"]) for one in zones] == [
        (shown["ports"][1]["address"], ["fabric-a"], "50:06:0e:80:00:00:00:01"),
        (shown["ports"][2]["address"], ["fabric-b"], "50:06:0e:80:00:00:00:01"),
    ]
    problem(made.get("/wiring", params={"for": "wan"}), 422)


def test_a_vm_is_not_given_an_address_of_a_profile(made: httpx.Client) -> None:
    mac = made.get("/address-ranges/lan").json()["addresses"][0]["address"]
    vm = made.get("/vms").json()["items"][0]
    nic = {"network": "net1", "mac": mac}
    refused = problem(made.post(f"/vms/{vm['id']}/nics", json=nic), 409)
    assert "of a profile" in refused["detail"]


def test_deleting_gives_addresses_back_to_rest(made: httpx.Client, manager: Manager) -> None:
    made.post("/profiles", json={"name": "gone"})
    with manager.client(Role.OPERATOR) as operator:
        problem(operator.delete("/profiles/gone"), 403)
    assert made.delete("/profiles/gone").status_code == 204
    problem(made.get("/profiles/gone"), 404)
    assert made.get("/address-ranges/lan").json()["resting"] == 1


def test_a_range_is_removed_by_who_may_and_only_when_it_is_free(
    made: httpx.Client, manager: Manager
) -> None:
    body = {"name": "spare", "kind": "mac", "first": "02:00:00:00:09:00", "count": 4}
    assert made.post("/address-ranges", json=body).status_code == 201
    with manager.client(Role.OPERATOR) as operator:
        problem(operator.delete("/address-ranges/spare"), 403)
    assert made.delete("/address-ranges/spare").status_code == 204
    problem(made.delete("/address-ranges/spare"), 404)
    assert "reserved" in problem(made.delete("/address-ranges/lan"), 409)["detail"]
