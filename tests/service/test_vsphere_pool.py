"""One pool of simulated hosts and a vCenter: looked for, weighed and planned for together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.lab import vcsim
from tests.service.manager_kit import Manager, add_sim, running, until
from tests.unit.cli_kit import Terminal
from tests.vsphere.conftest import beside, found

pytestmark = pytest.mark.vcsim


@pytest.fixture(scope="module")
def centre() -> Iterator[vcsim.Vcsim]:
    """Two clusters of two hosts, each with a VM that runs and one that does not."""
    made = vcsim.start(vcsim.VcsimSpec(clusters=2, hosts=2, vms=8))
    content = beside(made)
    vms = found(content, vim.VirtualMachine)
    for number, host in enumerate(found(content, vim.HostSystem)):
        for vm in vms[2 * number : 2 * number + 2]:
            vm.MigrateVM_Task(pool=None, host=host, priority="defaultPriority", state=None)
        vms[2 * number + 1].PowerOffVM_Task()
    folder = vms[0].parent.CreateFolder("prod")
    folder.MoveIntoFolder_Task(vms[:2])
    field = content.customFieldsManager.AddCustomFieldDef("owner", vim.VirtualMachine)
    content.customFieldsManager.SetField(vms[0], field.key, "ada")
    content.sessionManager.Logout()
    content.rootFolder._stub.DropConnections()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("manager"), measure_every_s=0.5) as made:
        yield made


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


@pytest.fixture
def client(
    manager: Manager, centre: vcsim.Vcsim, anypool: Terminal, tmp_path: Path
) -> Iterator[httpx.Client]:
    """A client of a manager with both in one pool, the vCenter added on the command line."""
    with manager.client() as made:
        if made.get("/endpoints/vc").status_code == 404:
            add_sim(made, query="hosts=2&vms=4&seed=1")
            secret = tmp_path / "password"
            secret.write_text(centre.password)
            told = anypool("endpoint", "add", centre.uri, "--password-file", str(secret))
            assert told.code != 0, "its certificate was taken without being confirmed"
            assert centre.fingerprint in told.err
            words = ("--option", f"fingerprint={centre.fingerprint}", "--operate")
            added = anypool(
                *("endpoint", "add", centre.uri, "--name", "vc"),
                *("--password-file", str(secret), *words),
            )
            assert added.code == 0, added.err
        yield made


def names(client: httpx.Client, noun: str, query: str) -> set[str]:
    answer = client.get(f"/{noun}", params={"q": query})
    assert answer.status_code == 200, answer.text
    return {one["name"] for one in answer.json()["items"]}


def test_both_are_searched_at_once(client: httpx.Client) -> None:
    assert len(names(client, "hosts", "state = up")) == 6
    assert len(names(client, "vms", "memory > 0")) == 12
    assert names(client, "hosts", "cluster = DC0_C1") == {"DC0_C1_H0", "DC0_C1_H1"}
    assert names(client, "hosts", "platform = esxi and place = DC0 and cluster = DC0_C0") == {
        "DC0_C0_H0",
        "DC0_C0_H1",
    }
    assert len(names(client, "vms", "cluster = DC0_C0")) == 4
    assert len(names(client, "vms", "datastore = LocalDS_0")) == 8
    assert len(names(client, "vms", "platform = esxi")) == 8
    assert names(client, "vms", 'place = "DC0/prod"') == {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
    assert names(client, "vms", 'label = "owner=ada"') == {"DC0_C0_RP0_VM0"}
    assert names(client, "datastores", "host.cluster = DC0_C0") == {"LocalDS_0", "LocalDS_1"}


def test_the_death_map_has_the_hosts_of_both(client: httpx.Client, anypool: Terminal) -> None:
    told = anypool("pool", "death-map", "default")
    assert told.code == 0, told.err
    for name in ("DC0_C0_H0", "DC0_C1_H1", "h1", "h2"):
        assert name in told.out
    lost = anypool("pool", "what-if", "default", "--host", "DC0_C0_H0")
    assert lost.code == 0, lost.err


def test_a_vm_is_brought_to_hosts_of_its_own_platform_alone(
    client: httpx.Client, anypool: Terminal
) -> None:
    hosts = {one["id"]: one for one in client.get("/hosts").json()["items"]}
    busy = next(h for h in hosts.values() if h["platform"] == "esxi" and h["vms"])
    answer = client.post(f"/hosts/{busy['id']}/evacuate?dry_run=true", json={})
    assert answer.status_code == 200, answer.text
    moves = [s["action"] for s in answer.json()["steps"] if "target" in s["action"]]
    assert moves
    assert {hosts[move["target"]]["platform"] for move in moves} == {"esxi"}
    refused = anypool("vm", "migrate", "DC0_C0_RP0_VM0", "--to", "h1", "--dry-run")
    assert refused.code != 0
    assert "is a host of sim, and the VM is made for esxi" in refused.err + refused.out


def test_hosts_are_emptied_by_vms_of_their_own_platform(client: httpx.Client) -> None:
    def hosts() -> dict[str, Any]:
        return {one["id"]: one for one in client.get("/hosts").json()["items"]}

    until(lambda: all(one["load"] for one in hosts().values()), "every host was measured")
    answer = client.post("/pools/default/consolidate?dry_run=true&headroom_percent=0")
    assert answer.status_code == 200, answer.text
    known = hosts()
    moves = [s["action"] for s in answer.json()["steps"] if "target" in s["action"]]
    assert len({move["source"] for move in moves}) == 2, answer.json()["goal"]
    assert {known[move[end]]["platform"] for move in moves for end in ("source", "target")} == {
        "esxi"
    }


def test_labels_and_templates_are_written_from_the_command_line(
    client: httpx.Client, anypool: Terminal
) -> None:
    vm = "DC0_C1_RP0_VM3"
    preview = anypool("vm", "label", vm, "tier:gold", "owner=eve", "--make", "--dry-run")
    assert preview.code == 0, preview.err
    assert f"write the labels owner=eve, tier:gold onto {vm}" in preview.out
    assert client.get(f"/vms/{vm}").json()["labels"] == []
    unknown = anypool("vm", "label", vm, "tier:gold", "--watch")
    assert unknown.code != 0
    assert "--make makes it" in unknown.out + unknown.err
    for noun, name in (("vm", vm), ("host", "DC0_C1_H1")):
        done = anypool(noun, "label", name, "tier:gold", "--make", "--watch")
        assert done.code == 0, done.out + done.err
        until(lambda at=f"/{noun}s/{name}": client.get(at).json()["labels"] == ["tier:gold"], name)
    assert anypool("vm", "list", "-f", "label = tier:gold", "-o", "name").out.split() == [vm]
    unasked = anypool("vm", "label", vm, "^tier:gold")
    assert unasked.code != 0, "labels of others are taken off only when somebody agrees"
    assert anypool("vm", "label", vm, "^tier:gold", "--yes", "--watch").code == 0
    until(lambda: client.get(f"/vms/{vm}").json()["labels"] == [], "it is gone")
    assert anypool("vm", "template", vm, "--watch").code == 0
    assert client.get(f"/vms/{vm}").json()["template"]
    assert anypool("vm", "start", vm).code != 0
    assert anypool("vm", "untemplate", vm, "--watch").code == 0
    refused = anypool("vm", "template", "h1", "--dry-run")
    assert refused.code != 0
