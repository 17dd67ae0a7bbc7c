"""What is read of a vCenter, against what pyVmomi says when it is asked object by object."""

import threading
import time
from http.client import HTTPSConnection
from typing import Any

import httpx
import pytest
from pyVmomi import vim

from anypool.drivers.registry import connect
from anypool.errors import Denied
from anypool.lab import vcsim
from anypool.model import Endpoint, HostState, VmState
from tests.vsphere.conftest import endpoint_of, found


def test_hosts_are_those_of_the_vcenter_with_cluster_and_place(driver: Any, content: Any) -> None:
    hosts = {host.name: host for host in driver.observe().hosts}
    real = found(content, vim.HostSystem)
    assert sorted(hosts) == [host.name for host in real]
    for host in real:
        ours = hosts[host.name]
        assert ours.state is HostState.UP
        assert ours.id == host.summary.hardware.uuid.lower()
        assert ours.memory_mib == host.summary.hardware.memorySize >> 20
        assert ours.cpus == host.summary.hardware.numCpuThreads
        assert (ours.cluster, ours.place) == (host.parent.name, "DC0")
        assert len(ours.datastores) == len(host.datastore)


def test_vms_are_those_of_the_vcenter_with_disks_and_networks(driver: Any, content: Any) -> None:
    frame = driver.observe()
    hosts = {host.id: host.name for host in frame.hosts}
    stores = {store.id: store.name for store in frame.datastores}
    vms = {vm.name: vm for vm in frame.vms}
    real = found(content, vim.VirtualMachine)
    assert sorted(vms) == [vm.name for vm in real]
    for vm in real:
        ours = vms[vm.name]
        assert ours.id == vm.config.instanceUuid
        assert ours.state is VmState.RUNNING
        assert hosts[ours.host] == vm.runtime.host.name
        assert (ours.vcpus, ours.memory_mib) == (
            vm.config.hardware.numCPU,
            vm.config.hardware.memoryMB,
        )
        disks = [d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)]
        assert [f"[{stores[d.datastore]}] {d.volume}" for d in ours.disks] == [
            disk.backing.fileName for disk in disks
        ]
        assert [nic.network for nic in ours.nics] == [network.name for network in vm.network]


def test_a_change_beside_us_is_told_within_two_seconds(driver: Any, content: Any) -> None:
    cursor = driver.changes("", 0).cursor
    vm = found(content, vim.VirtualMachine)[0]
    names = {one.name: one.id for one in driver.observe().vms}
    begun: list[float] = []

    def stop() -> None:
        begun.append(time.monotonic())
        vm.PowerOffVM_Task()

    timer = threading.Timer(0.3, stop)
    timer.start()
    try:
        changes = driver.changes(cursor, 10)
        assert time.monotonic() - begun[0] < 2
        assert names[vm.name] in changes.vms
        assert not changes.resync
        (seen,) = driver.observe_vms((names[vm.name],)).vms
        assert seen.state is VmState.STOPPED
    finally:
        timer.join()
        vm.PowerOnVM_Task()


def test_a_host_in_maintenance_is_seen_so(driver: Any, content: Any) -> None:
    cursor = driver.changes("", 0).cursor
    host = found(content, vim.HostSystem)[0]
    host.EnterMaintenanceMode_Task(0, False)
    try:
        assert driver.changes(cursor, 5).host
        assert [one.name for one in driver.observe().hosts if one.set_aside] == [host.name]
    finally:
        host.ExitMaintenanceMode_Task(0)
    assert not any(one.set_aside for one in driver.observe().hosts)


def test_a_host_that_vcenter_has_lost_is_unknown_with_its_vms(driver: Any, content: Any) -> None:
    host = next(one for one in found(content, vim.HostSystem) if one.vm)
    host.DisconnectHost_Task()
    try:
        frame = driver.observe()
        (ours,) = [one for one in frame.hosts if one.name == host.name]
        assert ours.state is HostState.UNKNOWN
        assert {vm.state for vm in frame.vms if vm.host == ours.id} == {VmState.UNKNOWN}
    finally:
        host.ReconnectHost_Task()
    assert all(one.state is HostState.UP for one in driver.observe().hosts)


def test_an_unconfirmed_certificate_is_refused_and_its_fingerprint_told(
    vcenter: vcsim.Vcsim,
) -> None:
    plain = Endpoint(id="x", driver="vsphere", uri=vcenter.uri)
    with pytest.raises(Denied) as refusal:
        connect(plain, vcenter.password)
    assert vcenter.fingerprint in refusal.value.message
    assert f"fingerprint={vcenter.fingerprint}" in refusal.value.hint


def test_another_certificate_than_the_confirmed_one_is_refused(vcenter: vcsim.Vcsim) -> None:
    other = Endpoint(
        id="x", driver="vsphere", uri=vcenter.uri, options=(("fingerprint", "00" * 32),)
    )
    with pytest.raises(Denied, match="another certificate"):
        connect(other, vcenter.password)


def test_a_wrong_password_is_said_to_be_one(vcenter: vcsim.Vcsim) -> None:
    with pytest.raises(Denied, match="Login"):
        connect(endpoint_of(vcenter), "wrong")


def test_a_session_that_ended_is_begun_again_and_asks_for_a_resync(
    driver: Any, content: Any
) -> None:
    cursor = driver.changes("", 0).cursor
    mine = content.sessionManager.currentSession.key
    for session in content.sessionManager.sessionList or ():
        if session.key != mine:
            content.sessionManager.TerminateSession([session.key])
    changes = driver.changes(cursor, 1)
    assert changes.resync
    assert len(driver.observe().vms) == len(found(content, vim.VirtualMachine))


def test_counters_of_hosts_and_running_vms_grow_as_vcenter_s_averages_say(
    driver: Any, content: Any
) -> None:
    frame = driver.observe()
    begun = time.monotonic()
    first = {load.host or load.vm: load for load in driver.measure()}
    assert first.keys() == {host.id for host in frame.hosts} | {vm.id for vm in frame.vms}
    threading.Event().wait(0.2)
    second = {load.host or load.vm: load for load in driver.measure()}
    passed = time.monotonic() - begun
    for key, load in second.items():
        assert load.cpu_ns >= first[key].cpu_ns
        assert load.net_received_bytes >= first[key].net_received_bytes
    for host in frame.hosts:
        grown = second[host.id].cpu_ns - first[host.id].cpu_ns
        assert 0 < grown <= passed * host.cpus * 1e9
        assert 0 < second[host.id].memory_used_mib <= host.memory_mib


class Rest:
    """The REST service of a vCenter, as pyVmomi does not know it."""

    def __init__(self, running: vcsim.Vcsim) -> None:
        self._client = httpx.Client(
            base_url=f"https://{running.address}:{running.port}/rest/com/vmware/cis", verify=False
        )
        told = self._client.post("/session", auth=(running.user, running.password))
        self._client.headers["vmware-api-session-id"] = told.json()["value"]

    def post(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json().get("value") if answer.content else None

    def close(self) -> None:
        self._client.close()


def test_tags_of_the_vcenter_are_labels(vcenter: vcsim.Vcsim, content: Any) -> None:
    vm, host = found(content, vim.VirtualMachine)[3], found(content, vim.HostSystem)[1]
    rest = Rest(vcenter)
    kind = {"name": "tier", "description": "", "cardinality": "SINGLE", "associable_types": []}
    category = rest.post("/tagging/category", {"create_spec": kind})
    gold = {"name": "gold", "description": "", "category_id": category}
    tag = rest.post("/tagging/tag", {"create_spec": gold})
    for thing, of in ((vm, "VirtualMachine"), (host, "HostSystem")):
        rest.post(
            f"/tagging/tag-association/id:{tag}?~action=attach",
            {"object_id": {"id": thing._moId, "type": of}},
        )
    rest.close()
    driver = connect(endpoint_of(vcenter), vcenter.password)
    frame = driver.observe()
    assert {one.name for one in frame.vms if "tier:gold" in one.labels} == {vm.name}
    assert {one.name for one in frame.hosts if "tier:gold" in one.labels} == {host.name}
    (again,) = driver.observe_vms(tuple(one.id for one in frame.vms if one.name == vm.name)).vms
    assert again.labels == {"tier:gold"}
    driver.close()


def test_an_attribute_that_was_made_since_is_called_by_its_name(driver: Any, content: Any) -> None:
    vm = found(content, vim.VirtualMachine)[5]
    driver.observe()
    field = content.customFieldsManager.AddCustomFieldDef("owner", vim.VirtualMachine)
    content.customFieldsManager.SetField(vm, field.key, "ada")
    (ours,) = [one for one in driver.observe().vms if one.name == vm.name]
    assert ours.labels == {"owner=ada"}
    content.customFieldsManager.SetField(vm, field.key, "eve")
    (ours,) = [one for one in driver.observe().vms if one.name == vm.name]
    assert ours.labels == {"owner=eve"}


def test_where_tags_cannot_be_read_everything_else_is(vcenter: vcsim.Vcsim) -> None:
    driver: Any = connect(endpoint_of(vcenter), vcenter.password)
    driver.session.rest_connection = lambda _: HTTPSConnection("127.0.0.1", 1)
    frame = driver.observe()
    assert len(frame.vms) == 8
    assert not any("tier" in label for one in frame.vms for label in one.labels)
    driver.close()
