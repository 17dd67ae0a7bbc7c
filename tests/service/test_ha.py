"""High availability in a whole manager: a host dies, and over HTTP its VMs are seen to run again.

The simulated hosts lie in a file that the manager's workers share with the test.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from anypool.drivers.sim import BmcMood, Shape, World, build_world
from anypool.model import HostId, VmState
from anypool.store.records import Role
from tests.service.manager_kit import Manager, problem, running, until

SHAPE = "hosts=3&vms=6&running_percent=100&ours_percent=100&locks=false"
RULE = {"kind": "ha", "level": "automatic", "silent_s": 5, "cold_s": 0}
DEAD, OTHER = HostId("p-h1"), HostId("p-h2")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("ha-world") / "sim.world"
    shape = Shape(hosts=3, vms=6, running_percent=100, ours_percent=100, locks=False)
    made = build_world(shape, name="p", path=path)
    for host in (DEAD, OTHER):
        made.set_bmc(host, BmcMood.WORKS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("ha-state"), unreachable_retry_max_s=2.0) as manager:
        yield manager


@pytest.fixture(scope="module")
def client(
    manager: Manager, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    path = next(tmp_path_factory.getbasetemp().glob("ha-world*/sim.world"))
    with manager.client() as client:
        for name in ("h1", "h2", "h3"):
            body = {"uri": f"sim://p/{name}?state={path}&{SHAPE}", "name": name}
            assert client.post("/endpoints", json=body).status_code == 201
        assert client.get("/ha").json()["policies"] == []
        policy = {"name": "ha", "scope": "pool = default", "rule": RULE}
        assert client.post("/policies", json=policy).status_code == 201
        yield client


def guarded(client: httpx.Client, host: HostId) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/hosts/{host}/ha").json()
    return found


def test_host_that_dies_is_fenced_and_its_vms_run_again(client: httpx.Client, world: World) -> None:
    until(lambda: guarded(client, DEAD)["standing"], "the host is judged")
    assert guarded(client, DEAD)["standing"]["condition"] == "healthy"
    with world.turn() as state:
        lost = [vm for vm in state.vms_on(DEAD)]
        alone = lost[0]
    shown = client.get(f"/vms/{alone}/ha").json()
    assert (shown["protection"], shown["why"]) == ("protected", "")
    world.kill_host(DEAD)

    def run_again() -> bool:
        with world.turn() as state:
            return all(len(state.running(vm)) == 1 for vm in lost)

    until(run_again, "what ran there runs elsewhere")
    assert [host for _, host in world.fences] == []  # its workers switched it off, not we
    with world.turn() as state:
        assert not state.host(DEAD).powered
    assert world.double_runs == ()
    until(lambda: guarded(client, DEAD)["proof"], "the proof is shown")
    assert "read as off twice" in guarded(client, DEAD)["proof"]
    plans = client.get("/plans").json()["items"]
    assert {one["policy"] for one in plans} == {"ha"}


def test_what_happened_is_told_in_order(client: httpx.Client) -> None:
    (found,) = client.get("/ha/incidents").json()["items"]
    assert client.get("/ha/incidents", params={"at": found["began_at"] - 60}).json()["items"] == []
    line = client.get(f"/ha/incidents/{found['id']}").json()
    assert line["whole"]
    whats = [one["what"] for one in line["entries"]]
    assert whats[0] == "incident"
    first = {what: whats.index(what) for what in ("observation", "deed", "proof")}
    plans = [number for number, what in enumerate(whats) if what == "plan"]
    told = [(one["at"], one["what"], one["message"]) for one in line["entries"]]
    assert first["observation"] < first["deed"] < first["proof"], told
    assert first["proof"] < plans[1], told
    (proof,) = (one for one in line["entries"] if one["what"] == "proof")
    assert (proof["subject"], proof["subject_kind"]) == ("h1", "host")
    problem(client.get("/ha/incidents/nothing"), 404)
    (death,) = client.get(f"/ha/incidents/{found['id']}/certificates").json()["items"]
    assert (death["host_name"], death["kind"], death["at"]) == ("h1", "power-off", proof["at"])
    assert death["proof"]["first_at"] < death["proof"]["at"]
    assert {one["what"] for one in death["seen"]} >= {"observation", "decision"}
    assert all(one["at"] <= death["at"] for one in death["seen"])
    assert death["rested"]
    assert all(one["state"] == "done" and one["began_at"] > death["at"] for one in death["rested"])
    assert {one["host_name"] for one in death["rested"]}.isdisjoint({"h1"})
    problem(client.get("/ha/incidents/nothing/certificates"), 404)


def test_every_vm_is_told_with_its_protection(client: httpx.Client) -> None:
    found = client.get("/ha", params={"every": "true"}).json()
    all_vms = {one["id"] for one in client.get("/vms").json()["items"]}
    assert {one["vm_id"] for one in found["vms"]} == all_vms
    assert all(one["protection"] == "protected" or one["why"] for one in found["vms"])
    assert found["unguarded"] == 0
    assert client.get("/ha").json()["vms"] == []


def test_nobody_can_say_that_a_host_that_answers_is_dead(client: httpx.Client) -> None:
    path = f"/hosts/{OTHER}/confirm-dead"
    assert "answers" in problem(client.post(path, json={"reason": "I think so"}), 409)["detail"]
    problem(client.post(path, json={"reason": ""}), 422)
    problem(client.post("/hosts/nobody/confirm-dead", json={"reason": "x"}), 404)


def test_viewer_may_look_and_not_speak(manager: Manager, client: httpx.Client) -> None:
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.get("/ha").status_code == 200
        answer = viewer.post(f"/hosts/{OTHER}/confirm-dead", json={"reason": "burnt"})
        assert "say that hosts are dead" in problem(answer, 403)["detail"]


def test_vm_may_be_let_go(client: httpx.Client) -> None:
    vm = client.get("/vms").json()["items"][0]["id"]
    until(lambda: client.get(f"/vms/{vm}").json()["state"] == VmState.RUNNING, "it runs")
    until(lambda: client.delete(f"/vms/{vm}/ha").status_code == 204, "it is guarded")
    problem(client.delete("/vms/nobody/ha"), 404)


def test_vm_that_was_stopped_is_not_counted(client: httpx.Client) -> None:
    vm = client.get("/vms").json()["items"][0]["id"]
    until(lambda: client.get(f"/vms/{vm}").json()["state"] == VmState.RUNNING, "it runs")
    before = client.get("/ha").json()["protection"]
    assert sum(before.values()) == 6
    assert client.post(f"/vms/{vm}/power-off").status_code == 202
    until(lambda: client.get(f"/vms/{vm}").json()["state"] == VmState.STOPPED, "it is stopped")
    found = client.get("/ha").json()
    assert sum(found["protection"].values()) == 5
    assert vm not in [one["vm_id"] for one in found["exposed"]]
