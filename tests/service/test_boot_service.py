"""Profiles take their entry at a boot host with them, through HTTP; what is amiss there is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from anypool.boothost.control import Control
from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, finished, problem, until
from tests.unit.boothost_kit import Made, entry

TARGET = {"iqn": "iqn.2026-11.y:boots", "address": "10.0.0.5"}


class Served(Made):
    """A boot host that is asked on its socket, unless it is away."""

    @contextmanager
    def answering(self) -> Iterator[None]:
        control = Control(self.host, f"{self.folder}/control")
        thread = threading.Thread(target=control.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            control.shutdown()
            control.server_close()
            thread.join()
            (self.folder / "control").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("boot"))
    yield found
    found.host.close()


@pytest.fixture(scope="module")
def racks(pool: httpx.Client, made: Served) -> httpx.Client:
    add_sim(pool, "booted", "hosts=1&vms=1&servers=3")
    lan = {"name": "boot-lan", "kind": "mac", "first": "02:00:00:00:09:00", "count": 16}
    assert pool.post("/address-ranges", json=lan).status_code == 201
    for number in (1, 2, 3):
        assert pool.patch(f"/servers/booted-blade{number}", json={"adoption": "adopted"}).is_success
    with made.answering():
        body = {"uri": f"boot+unix://{made.folder}/control", "name": "boot1"}
        answer = pool.post("/endpoints", json=body)
        assert answer.status_code == 201, answer.text
    wanted = {"name": "boots", "ip": "10.0.0.30", "image": "web", "iscsi": [TARGET]}
    assert pool.post("/profiles", json=wanted | {"mac_range": "boot-lan"}).status_code == 201
    return pool


def state(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/boot-hosts/boot1")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_entry_moves_with_its_profile_and_waits_for_a_boot_host_that_is_away(
    racks: httpx.Client, made: Served
) -> None:
    to = [f"/servers/booted-blade{number}" for number in (1, 2)]
    with made.answering():
        answer = racks.post("/profiles/boots/assign", json={"to": "booted-blade1"})
        assert finished(racks, answer)["state"] == "done"
        (one,) = state(racks)["entries"]
        mac = racks.get("/profiles/boots").json()["ports"][0]["address"]
        assert (one["profile"], one["epoch"], one["mac"]) == ("boots", 1, mac)
        assert racks.get(to[0]).json()["entered"]
        assert state(racks)["well"]
    answer = racks.post("/profiles/boots/assign", json={"to": "booted-blade2", "force": True})
    path = answer.headers["Location"].removeprefix("/api/v1")
    silent = "the boot host of blade1 does not answer"
    until(lambda: silent in racks.get(path).text, "the step waits for the boot host")
    assert racks.get("/profiles/boots").json()["epoch"] == 1
    with made.answering():
        assert finished(racks, answer)["state"] == "done"
        (one,) = state(racks)["entries"]
        assert (one["server_id"], one["epoch"]) == ("booted-blade2", 2)
        assert [one["iqn"] for one in made.tgtd.targets.values()] == [TARGET["iqn"]]


def test_what_is_amiss_is_told_and_brought_into_line(racks: httpx.Client, made: Served) -> None:
    profile = racks.get("/profiles/boots").json()["id"]
    made.host.leave(profile, "booted-blade2")
    made.host.enter(entry(7))
    with made.answering():
        found = state(racks)
        assert {(one["what"], one["profile"]) for one in found["amiss"]} == {
            ("missing", "boots"), ("strange", "p7"),
        }  # fmt: skip
        assert not found["well"]
        path = "/boot-hosts/boot1/configure"
        preview = racks.post(path, json={}, params={"dry_run": True}).json()["items"]
        assert [one["what"] for one in preview] == ["missing"]
        assert len(made.host.state()["entries"]) == 1
        racks.post(path, json={})
        assert [one["what"] for one in state(racks)["amiss"]] == ["strange"]
        made.host.leave("p7", "s7")
        assert state(racks)["well"]


def test_images_are_added_chosen_and_deployed(
    racks: httpx.Client, made: Served, manager: Manager
) -> None:
    path = "/boot-hosts/boot1/images/web"
    order = {"deed": "add", "parts": {"disk.raw": "two"}}
    with manager.client(Role.OPERATOR) as operator:
        problem(operator.post(path, json=order), 403)
    (made.folder / "import/two").write_bytes(b"2")
    with made.answering():
        assert racks.post(path, json=order).json() == {"image": "web", "version": 2}
        assert racks.post(path, json={"deed": "choose", "version": 2}).is_success
        assert state(racks)["entries"][0]["next"] == 2
        refused = problem(racks.post(path, json={"deed": "forget", "version": 2}), 502)
        assert "current" in refused["detail"]
        body = {"image": "web:9", "profiles": ["boots"]}
        problem(racks.post("/boot-hosts/boot1/deploy", json=body), 422)
        deployed = racks.post("/boot-hosts/boot1/deploy", json=body | {"image": "web:1"}).json()
        assert [one["what"] for one in deployed["items"]] == ["changed"]
        assert state(racks)["entries"][0]["image"] == "web:1"
        assert state(racks)["well"]
        problem(racks.post(path, json={"deed": "forget", "version": 1}), 409)


def test_images_for_vms_and_for_servers_are_one_catalogue(
    racks: httpx.Client, made: Served
) -> None:
    known = {one["name"]: one for one in racks.get("/images").json()["items"]}
    assert known["web"]["uses"] == ["boot"]
    assert known["web"]["exports"] == [{"boot_host": "boot1", "versions": [1, 2], "current": 2}]
    assert [one["name"] for one in known["web"]["versions"]] == ["web:1", "web:2"]
    vms = next(one for one in known.values() if one["uses"] == ["vm"])
    path = f"/boot-hosts/boot1/images/{vms['name']}"
    for file in ("a", "b", "c"):
        (made.folder / f"import/{file}").write_bytes(b"3")
    with made.answering():
        same = {"deed": "add", "parts": {"disk.raw": "a"}, "version": vms["newest"]}
        assert racks.post(path, json=same).json()["version"] == vms["newest"]
        problem(racks.post(path, json=same | {"parts": {"disk.raw": "b"}}), 502)
        new = {"deed": "add", "parts": {"disk.raw": "c"}}
        assert racks.post(path, json=new).json()["version"] == vms["newest"] + 1
    both = racks.get(f"/images/{vms['name']}").json()
    assert both["uses"] == ["vm", "boot"]
    assert [one["uses"] for one in both["versions"][-2:]] == [["vm", "boot"], ["boot"]]
    assert both["newest"] == vms["newest"]
    for use, names in (("boot", {"web", vms["name"]}), ("vm", {vms["name"]})):
        found = racks.get("/images", params={"q": f"use = {use}"}).json()["items"]
        assert names <= {one["name"] for one in found}


def test_a_service_moves_from_a_server_to_a_vm_with_its_entry(
    racks: httpx.Client, made: Served, manager: Manager
) -> None:
    network = racks.get("/networks").json()["items"][0]["name"]
    web = {"name": "web", "profile": "boots", "memory_mib": 256, "networks": [network]}
    path = "/services/shop2/move"
    vm = {"component": "web", "to": "vm"}
    assert racks.post("/services", json={"name": "shop2", "components": [web]}).is_success
    (member,) = racks.get("/services/shop2").json()["members"]
    assert (member["state"], member["place"]) == ("running", "blade2")
    with manager.client(Role.VIEWER) as viewer:
        problem(viewer.post(path, json=vm), 403)
    problem(racks.post(path, json=vm | {"to": "nowhere"}), 404)
    preview = racks.post(path, json=vm, params={"dry_run": True}).json()
    assert "to a VM on" in preview["goal"]
    instead = racks.post("/servers/blade2/fail-over", json={}, params={"dry_run": True}).json()
    assert "fail boots over from blade2 to a VM on" in instead["goal"], "there is no spare"
    assert {one["host_name"] for one in instead["rejected"]} >= {"blade1", "blade3"}
    with made.answering():
        assert finished(racks, racks.post(path, json=vm | {"force": True}))["state"] == "done"
        profile = racks.get("/profiles/boots").json()
        assert (profile["server"], profile["vm"], profile["means"]) == ("", "boots", "vm")
        (one,) = state(racks)["entries"]
        mac = profile["ports"][0]["address"]
        assert (one["server"], one["mac"], one["ip"]) == ("boots", mac, "10.0.0.30")
        assert state(racks)["well"]
        made_of = racks.get("/vms/boots").json()
        assert [nic["mac"] for nic in made_of["nics"]] == [mac]
        assert made_of["disks"] == []
        (member,) = racks.get("/services/shop2").json()["members"]
        assert (member["state"], member["place"]) == ("running", made_of["host_name"])
        problem(racks.post(path, json=vm), 409)
        back = racks.post(path, json=vm | {"to": "blade2", "force": True})
        assert finished(racks, back)["state"] == "done"
        assert state(racks)["entries"][0]["server"] == "blade2"
        problem(racks.get("/vms/boots"), 404)
        assert finished(racks, racks.post("/services/shop2/stop"))["state"] == "done"
        assert racks.get("/services/shop2").json()["state"] == "down"
        assert finished(racks, racks.post("/services/shop2/start"))["state"] == "done"
        (member,) = racks.get("/services/shop2").json()["members"]
        assert (member["state"], member["place"]) == ("running", "blade2")


def test_a_profile_that_leaves_takes_its_entry_with_it(racks: httpx.Client, made: Served) -> None:
    with made.answering():
        answer = racks.post("/profiles/boots/unassign", json={"force": True})
        assert finished(racks, answer)["state"] == "done"
        assert state(racks)["entries"] == []
        assert made.tgtd.targets == {}
        problem(racks.get("/boot-hosts/nowhere"), 404)
    assert racks.get("/boot-hosts").json()["total"] == 1
