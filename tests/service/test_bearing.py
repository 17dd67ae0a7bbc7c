"""A profile comes to a simulated server through HTTP, moves, and leaves it."""

import httpx
import pytest

from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, finished, problem


@pytest.fixture(scope="module")
def racks(pool: httpx.Client) -> httpx.Client:
    add_sim(pool, "bearing", "hosts=1&vms=1&servers=3")
    for name, kind, first in (("b-lan", "mac", "02:00:00:00:07:00"),
                              ("b-san", "wwn", "5001234500000700")):  # fmt: skip
        body = {"name": name, "kind": kind, "first": first, "count": 64}
        assert pool.post("/address-ranges", json=body).status_code == 201
    wanted = {"nics": [["net1"]], "hbas": [["fabric-a"]], "mac_range": "b-lan"}
    for number in (1, 2, 3):
        assert pool.patch(f"/servers/blade{number}", json={"adoption": "adopted"}).is_success
    for name in ("erp", "crm"):
        assert pool.post("/profiles", json={"name": name, **wanted}).status_code == 201
    return pool


def server(client: httpx.Client, name: str) -> dict[str, object]:
    found: dict[str, object] = client.get(f"/servers/{name}").json()
    return found


def test_a_profile_is_planned_assigned_moved_and_taken_away(racks: httpx.Client) -> None:
    asked = {"to": "bx1/1"}
    preview = racks.post("/profiles/erp/assign", json=asked, params={"dry_run": True}).json()
    said = [step["text"] for step in preview["steps"]]
    assert said == ["write erp into blade1 (epoch 1)", "switch blade1 on",
                    "see that blade1 is on as erp"]  # fmt: skip
    assert finished(racks, racks.post("/profiles/erp/assign", json=asked))["state"] == "done"
    mac = racks.get("/profiles/erp").json()["ports"][0]["address"]
    first = server(racks, "blade1")
    assert (first["power"], first["adapters"][0]["ports"][0]["address"]) == ("on", mac)  # type: ignore[index]
    taken = problem(racks.post("/profiles/crm/assign", json={"to": "blade1"}), 409)
    assert "blade1 bears erp" in taken["detail"]
    problem(racks.patch("/profiles/erp", json={"nics": [[], []]}), 409)
    problem(racks.delete("/profiles/erp"), 409)
    lists = racks.get("/wiring", params={"for": "lan", "q": "name = erp"}).json()["lan"]
    assert {(row["role"], row["server"]) for row in lists} == {("active", "blade1")}

    racks.patch("/servers/blade3", json={"spare": True})
    moved = finished(racks, racks.post("/profiles/erp/assign", json={"force": True}))
    assert moved["state"] == "done"
    assert server(racks, "blade1")["bears"] == ""
    assert racks.get("/profiles/erp").json()["server"] == "blade3"
    tenures = racks.get("/profiles/erp/history").json()["items"]
    assert [(one["server"], one["epoch"], one["proof"]) for one in tenures] == [
        ("blade3", 2, ""), ("blade1", 1, "its power was read as off twice"),
    ]  # fmt: skip
    assert finished(racks, racks.post("/profiles/erp/unassign", json={}))["state"] == "done"
    assert (
        racks.get("/servers", params={"q": "power = on and endpoint = bearing"}).json()["total"]
        == 0
    )


def test_what_no_server_has_is_told_for_each(racks: httpx.Client) -> None:
    racks.post("/profiles", json={"name": "huge", "needs": {"memory_mib": 1 << 20}})
    refused = problem(racks.post("/profiles/huge/assign", json={}), 409)
    assert "no spare fits huge" in refused["detail"]
    assert "memory 896 GiB short" in str(refused["refusals"])
    problem(racks.post("/profiles/huge/assign", json={"to": "bx9/9"}), 409)


def test_only_who_may_say_that_a_server_is_dead_is_believed(
    racks: httpx.Client, manager: Manager
) -> None:
    with manager.client(Role.VIEWER) as viewer:
        problem(viewer.post("/profiles/erp/assign", json={}), 403)
    refused = problem(racks.post("/profiles/erp/assign", json={"dead": "burnt"}), 409)
    assert "no server bears erp" in refused["detail"]
    assert finished(racks, racks.post("/profiles/erp/assign", json={"to": "blade2"}))
    alive = problem(racks.post("/profiles/erp/assign", json={"dead": "burnt"}), 409)
    assert "blade2 is on" in alive["detail"]
