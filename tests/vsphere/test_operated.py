"""A manager operates a vCenter: the whole way from a request to what pyVmomi sees there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyVmomi import vim

from anypool.lab import vcsim
from tests.service.manager_kit import Manager, finished, problem, running, until
from tests.vsphere.conftest import beside, found


@pytest.fixture(scope="module")
def center() -> Iterator[vcsim.Vcsim]:
    made = vcsim.start(vcsim.VcsimSpec(clusters=1, hosts=2, vms=2, forbid=("ResetVM_Task",)))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def manager(center: vcsim.Vcsim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    folder: Path = tmp_path_factory.mktemp("manager")
    with running(folder) as made:
        with made.client() as client:
            body = {
                "uri": center.uri,
                "name": "vc",
                "password": center.password,
                "options": {"fingerprint": center.fingerprint},
                "observe_only": False,
            }
            answer = client.post("/endpoints", json=body)
            assert answer.status_code == 201, answer.text
        yield made


@pytest.fixture
def client(manager: Manager) -> Iterator[httpx.Client]:
    with manager.client() as made:
        yield made


@pytest.fixture
def content(center: vcsim.Vcsim) -> Iterator[Any]:
    made = beside(center)
    yield made
    made.sessionManager.Logout()
    made.rootFolder._stub.DropConnections()


def do(client: httpx.Client, path: str, body: Any = None, **query: str) -> dict[str, Any]:
    ended = finished(client, client.post(path, json=body, params=query))
    assert ended["state"] == "done", ended["steps"]
    return ended


def test_a_vm_is_cloned_started_changed_and_deleted(client: httpx.Client, content: Any) -> None:
    source = found(content, vim.VirtualMachine)[0]
    preview = client.post(f"/vms/{source.name}/clone?dry_run=true", json={"name": "web-1"})
    assert preview.status_code == 200, preview.text
    do(client, f"/vms/{source.name}/clone", {"name": "web-1", "memory": "64MiB", "tags": ["new"]})
    made = next(one for one in found(content, vim.VirtualMachine) if one.name == "web-1")
    seen = client.get("/vms/web-1").json()
    assert made.runtime.powerState == "poweredOn"
    assert made.config.hardware.memoryMB == 64
    assert made.config.instanceUuid == seen["id"]
    assert seen["tags"] == ["new"]
    assert problem(client.post(f"/vms/{source.name}/clone", json={"name": "web-1"}), 409)["hint"]
    (before,) = {disk["datastore"] for disk in seen["disks"]}
    stores = client.get("/datastores").json()["items"]
    other = next(store for store in stores if store["id"] != before)
    do(client, "/vms/web-1/move-disks", {"datastore": other["name"]})
    assert [store.name for store in made.datastore] == [other["name"]]
    again = client.post("/vms/web-1/move-disks", json={"datastore": other["name"]})
    assert "already" in problem(again, 409)["detail"]
    do(client, "/vms/web-1/snapshots", {"name": "before"})
    assert made.snapshot.rootSnapshotList[0].name == "before"
    do(client, "/vms/web-1/power-off")
    do(client, "/vms/web-1/reconfigure", {"memory": "128MiB"})
    assert made.config.hardware.memoryMB == 128
    ended = finished(client, client.delete("/vms/web-1", params={"volumes": "true"}))
    assert ended["state"] == "done", ended["steps"]
    assert "web-1" not in {one.name for one in found(content, vim.VirtualMachine)}


def test_templates_and_labels_are_written_and_read_again(
    client: httpx.Client, content: Any
) -> None:
    real = found(content, vim.VirtualMachine)[0]
    vm, host = f"/vms/{real.name}", f"/hosts/{found(content, vim.HostSystem)[0].name}"
    do(client, f"{vm}/clone", {"name": "gold", "start": False})
    made = next(one for one in found(content, vim.VirtualMachine) if one.name == "gold")
    assert "running" in problem(client.post(f"{vm}/template"), 409)["detail"]
    do(client, "/vms/gold/template")
    assert made.config.template
    assert client.get("/vms/gold").json()["template"]
    problem(client.post("/vms/gold/start"), 409)
    do(client, "/vms/gold/clone", {"name": "child"})
    do(client, "/vms/gold/untemplate")
    assert not made.config.template
    labels = {"tier:gold", "owner=ada"}
    wish = {"add": sorted(labels), "make": True}
    for place in ("/vms/gold", host):
        do(client, f"{place}/labels", wish)
        until(lambda place=place: set(client.get(place).json()["labels"]) == labels, "seen")
    assert [one.value for one in made.customValue] == ["ada"]
    refused = finished(client, client.post("/vms/gold/labels", json={"add": ["owner=eve"]}))
    assert refused["state"] == "failed"
    assert "owner=ada already" in refused["steps"][0]["message"]
    problem(client.post("/vms/gold/labels", json={"add": ["nonsense"]}), 422)
    gone = {"remove": ["tier:gold"], "add": ["owner=eve"], "replace": True}
    do(client, "/vms/gold/labels", gone)
    until(lambda: client.get("/vms/gold").json()["labels"] == ["owner=eve"], "seen")
    told = client.get("/events", params={"q": "kind = vm.drifted"}).json()["items"]
    assert not [one for one in told if "tag tier" in one["message"]], "our own runs are no drift"
    for name in ("child", "gold"):
        if client.get(f"/vms/{name}").json()["state"] == "running":
            do(client, f"/vms/{name}/power-off")
        finished(client, client.delete(f"/vms/{name}", params={"volumes": "true"}))


def test_what_the_account_may_not_do_is_told(client: httpx.Client, content: Any) -> None:
    source = next(
        one for one in found(content, vim.VirtualMachine) if one.runtime.powerState == "poweredOn"
    )
    ended = finished(client, client.post(f"/vms/{source.name}/reset"))
    assert ended["state"] == "failed"
    assert "NoPermission" in ended["steps"][0]["message"]
    assert source.runtime.powerState == "poweredOn"


def test_a_vm_that_is_removed_beside_us_is_gone(client: httpx.Client, content: Any) -> None:
    real = found(content, vim.VirtualMachine)[-1]
    preview = client.post(f"/vms/{real.name}/migrate?dry_run=true", json={})
    assert preview.status_code == 200, preview.text
    do(client, f"/vms/{real.name}/clone", {"name": "short", "start": False})
    short = next(one for one in found(content, vim.VirtualMachine) if one.name == "short")
    short.UnregisterVM()
    answer = client.post("/vms/short/start")
    if answer.status_code == 202:
        ended = finished(client, answer)
        assert ended["state"] == "failed", ended
    else:
        problem(answer, 404)
