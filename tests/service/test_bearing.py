"""A profile comes to a simulated server through HTTP, moves, and leaves it."""

import re

import httpx
import pytest

from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, finished, problem
from tests.unit.cli_kit import Terminal


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


def test_a_failed_server_is_taken_over_by_the_spare_that_covers_it(
    racks: httpx.Client, manager: Manager, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Over HTTP and the command line; who watches over it finds it on its spare."""
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    anypool = Terminal(capsys)
    racks.patch("/servers/blade3", json={"spare": True})
    if racks.get("/profiles/erp").json()["server"] != "blade2":
        told = racks.post("/profiles/erp/assign", json={"to": "blade2", "force": True})
        assert finished(racks, told)["state"] == "done"
    watched = anypool("profile", "edit", "erp", "--failover", "automatic", "--probe", "")
    assert watched.code == 0, watched.err
    refused = problem(racks.post("/servers/blade2/power", json={"to": "off"}), 409)
    assert "would go to a spare" in refused["detail"]
    assert anypool("profile", "edit", "erp", "--failover", "manual").code == 0
    covered = anypool("server", "coverage", "-o", "wide")
    assert covered.code == 0, covered.err
    assert re.search(r"blade2 +erp +blade3", covered.out)
    assert "blade1: it is no spare" in covered.out
    assert "1 covered by a spare, 0 not" in anypool("pool", "death-map", "default").err
    preview = anypool("server", "fail-over", "blade2", "--dry-run")
    assert "give blade2 its own addresses back instead of erp" in preview.out
    with manager.client(Role.VIEWER) as viewer:
        problem(viewer.post("/servers/blade2/fail-over", json={}), 403)
    nothing = anypool("server", "fail-over", "blade1", "--yes")
    assert "bears no profile" in nothing.err
    still = problem(racks.post("/servers/blade2/restore-addresses"), 409)
    assert "blade2 bears erp" in still["detail"]
    done = anypool("server", "fail-over", "blade2", "--yes", "--watch")
    assert done.code == 0, done.err
    assert racks.get("/profiles/erp").json()["server"] == "blade3"
    assert anypool("server", "restore-addresses", "blade2").code == 0
    bad = racks.patch("/profiles/erp", json={"probe": {"kind": "tcp", "address": "", "port": 0}})
    assert "a probe has an address and a port" in problem(bad, 422)["detail"]
    problem(racks.patch("/profiles/erp", json={"failover": "shadow"}), 422)
    assert anypool("profile", "edit", "erp", "--probe", "ftp://x").code == 2
