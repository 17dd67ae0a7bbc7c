"""What a cluster decides by itself is read, and is news when somebody changes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from anypool.drivers.registry import connect
from anypool.lab import vcsim
from anypool.model import Matter
from tests.contract.vcenter import done
from tests.vsphere.conftest import beside, endpoint_of, found, session

CLUSTER = "DC0_C0"


@pytest.fixture(scope="module")
def center() -> Iterator[vcsim.Vcsim]:
    """A vCenter whose clusters decide nothing at first."""
    running = vcsim.start(vcsim.VcsimSpec(clusters=2, hosts=2, vms=4))
    content = beside(running)
    off = vim.cluster.ConfigSpecEx(
        drsConfig=vim.cluster.DrsConfigInfo(enabled=False, defaultVmBehavior="fullyAutomated"),
        dasConfig=vim.cluster.DasConfigInfo(enabled=False),
        dpmConfig=vim.cluster.DpmConfigInfo(enabled=False, defaultDpmBehavior="automated"),
    )
    for cluster in found(content, vim.ClusterComputeResource):
        done(cluster.ReconfigureComputeResource_Task(off, True))
    yield running
    content.sessionManager.Logout()
    content.rootFolder._stub.DropConnections()
    running.stop()


@pytest.fixture
def driver(center: vcsim.Vcsim) -> Iterator[Any]:
    made = connect(endpoint_of(center), center.password)
    yield made
    made.close()


@pytest.fixture
def cluster(center: vcsim.Vcsim) -> Iterator[Any]:
    with session(center) as content:
        known = found(content, vim.ClusterComputeResource)
        yield next(one for one in known if one.name == CLUSTER)


def decided(driver: Any) -> dict[str, frozenset[Matter]]:
    return {host.cluster: host.platform_decides for host in driver.observe().hosts}


def change(cluster: Any, **config: Any) -> None:
    done(cluster.ReconfigureComputeResource_Task(vim.cluster.ConfigSpecEx(**config), True))


def drs(behavior: str, *, enabled: bool = True) -> Any:
    return vim.cluster.DrsConfigInfo(
        enabled=enabled, defaultVmBehavior=behavior, enableVmBehaviorOverrides=True
    )


def test_what_is_off_decides_nothing(driver: Any) -> None:
    assert set(decided(driver).values()) == {frozenset()}
    assert not any(vm.platform_moves for vm in driver.observe().vms)


def test_each_of_the_three_is_read_for_its_cluster_alone(driver: Any, cluster: Any) -> None:
    change(cluster, drsConfig=drs("partiallyAutomated"))
    assert decided(driver) == {CLUSTER: {Matter.BALANCE}, "DC0_C1": frozenset()}
    assert not any(vm.platform_moves for vm in driver.observe().vms), "it recommends moves only"
    change(cluster, drsConfig=drs("manual"))
    assert decided(driver)[CLUSTER] == frozenset()
    change(
        cluster,
        drsConfig=drs("fullyAutomated"),
        dasConfig=vim.cluster.DasConfigInfo(enabled=True),
        dpmConfig=vim.cluster.DpmConfigInfo(enabled=True, defaultDpmBehavior="automated"),
    )
    assert decided(driver)[CLUSTER] == set(Matter)
    change(cluster, dpmConfig=vim.cluster.DpmConfigInfo(enabled=True, defaultDpmBehavior="manual"))
    assert decided(driver)[CLUSTER] == {Matter.BALANCE, Matter.RESTART}


def test_a_vm_has_a_setting_of_its_own(driver: Any, cluster: Any) -> None:
    change(cluster, drsConfig=drs("fullyAutomated"))
    there = {host.id for host in driver.observe().hosts if host.cluster == CLUSTER}
    moved = {vm.name: vm.platform_moves for vm in driver.observe().vms if vm.host in there}
    assert len(moved) == 2
    assert all(moved.values())
    (real, *_) = cluster.resourcePool.vm
    own = vim.cluster.DrsVmConfigInfo(key=real, enabled=True, behavior="manual")
    change(cluster, drsVmConfigSpec=[vim.cluster.DrsVmConfigSpec(operation="add", info=own)])
    again = {vm.name: vm.platform_moves for vm in driver.observe().vms if vm.host in there}
    assert [name for name, moves in again.items() if not moves] == [real.name]
