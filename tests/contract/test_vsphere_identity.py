"""VMs keep our id whatever a vCenter calls them; copies of ids are told; who changed what."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.errors import Conflict
from anypool.lab.vcsim import VcsimSpec
from anypool.model import Changes, Remark, Vm, VmId
from tests.contract.harness import wait_until
from tests.contract.vcenter import Center, all_of, done

pytestmark = pytest.mark.vcsim


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    made = Center(tmp_path_factory.mktemp("vcenter"), VcsimSpec(hosts=2, vms=4))
    yield made
    made.close()


@pytest.fixture
def driver(center: Center) -> Iterator[Any]:
    made = center.driver()
    made.observe()
    yield made
    made.close()


@pytest.fixture
def root(center: Center) -> Iterator[Any]:
    with center.person() as there:
        yield there


class Follower:
    """Follows changes from now on."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.cursor: str = driver.changes("", 0.0).cursor
        self.vms: set[VmId] = set()
        self.remarks: list[Remark] = []

    def more(self) -> Changes:
        found: Changes = self.driver.changes(self.cursor, 1.0)
        self.cursor = found.cursor
        self.vms |= found.vms
        self.remarks += found.remarks
        return found

    def hears(self, words: str) -> Remark:
        def heard() -> bool:
            self.more()
            return any(words in one.what for one in self.remarks)

        wait_until(heard, words)
        return next(one for one in self.remarks if words in one.what)


def vms_of(driver: Any) -> dict[str, Vm]:
    return {vm.name: vm for vm in driver.observe().vms}


def test_an_id_survives_vmotion_and_a_new_name(driver: Any, root: Any) -> None:
    vm = all_of(root, vim.VirtualMachine)[0]
    before = vms_of(driver)[vm.name]
    other = next(one for one in all_of(root, vim.HostSystem) if one != vm.runtime.host)
    done(vm.MigrateVM_Task(host=other, priority="defaultPriority"))
    done(vm.Rename_Task(f"{vm.name}-new"))
    after = vms_of(driver)[vm.name]
    assert (after.id, after.host == before.host) == (before.id, False)
    assert [one.id for one in driver.observe_vms((before.id,)).vms] == [before.id]


def test_an_id_survives_being_registered_again(driver: Any, root: Any) -> None:
    vm = all_of(root, vim.VirtualMachine)[1]
    name, moid, before = vm.name, vm._moId, vms_of(driver)[vm.name]
    path, pool, folder = vm.config.files.vmPathName, vm.resourcePool, vm.parent
    host = vm.runtime.host
    done(vm.PowerOffVM_Task())
    follower = Follower(driver)
    vm.UnregisterVM()
    assert before.id not in {one.id for one in driver.observe().vms}
    assert driver.observe_vms((before.id,)).missing == (before.id,)
    again = done(folder.RegisterVM_Task(path, name, asTemplate=False, pool=pool, host=host))
    assert again._moId != moid
    assert vms_of(driver)[name].id == before.id
    assert [one.id for one in driver.observe_vms((before.id,)).vms] == [before.id]
    follower.more()
    assert before.id in follower.vms
    done(again.PowerOnVM_Task())


def test_a_new_session_finds_the_same_ids(center: Center, driver: Any) -> None:
    before = {name: vm.id for name, vm in vms_of(driver).items()}
    again = center.driver()
    assert {name: vm.id for name, vm in vms_of(again).items()} == before
    again.close()


def test_ids_survive_a_vcenter_that_names_everything_anew(center: Center) -> None:
    driver = center.driver()
    before = {name: vm.id for name, vm in vms_of(driver).items()}
    driver.close()
    with center.person() as root:
        moids = {vm.name: vm._moId for vm in all_of(root, vim.VirtualMachine)}
    center.restart(hosts=5)
    with center.person() as root:
        now = {vm.name: vm._moId for vm in all_of(root, vim.VirtualMachine)}
    assert all(now[name] != moid for name, moid in moids.items() if name in now)
    driver = center.driver()
    after = {name: vm.id for name, vm in vms_of(driver).items()}
    same = before.keys() & after.keys()
    assert len(same) >= 3
    assert all(after[name] == before[name] for name in same)
    driver.close()
    center.restart()


def test_a_clone_with_a_copied_id_is_told_and_not_merged(driver: Any, root: Any) -> None:
    source = all_of(root, vim.VirtualMachine)[2]
    before = vms_of(driver)[source.name]
    follower = Follower(driver)
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
    copy = done(source.CloneVM_Task(source.parent, "copied", spec))
    assert not vms_of(driver)["copied"].twins, "a clone as vCenter makes it is nobody's twin"
    copied = vim.vm.ConfigSpec(instanceUuid=source.config.instanceUuid)
    done(copy.ReconfigVM_Task(copied))
    found = vms_of(driver)
    assert len(found) == 5
    assert found[source.name].id == before.id
    assert found["copied"].id != before.id
    assert found[source.name].twins == (found["copied"].id,)
    assert found["copied"].twins == (before.id,)
    twins = (before.id, found["copied"].id)
    assert {one.name for one in driver.observe_vms(twins).vms} == {source.name, "copied"}
    for one in twins:
        with pytest.raises(Conflict):
            driver._eyes.vm_object(one)
    follower.more()
    assert before.id in follower.vms, "the original has a twin now, and nobody was told"
    done(copy.ReconfigVM_Task(vim.vm.ConfigSpec(instanceUuid=before.id[::-1])))
    assert not any(vm.twins for vm in vms_of(driver).values())
    follower.more()
    assert before.id in follower.vms
    done(copy.Destroy_Task())


def test_a_change_is_told_with_who_and_when(driver: Any, root: Any, center: Center) -> None:
    vm = all_of(root, vim.VirtualMachine)[3]
    ours = vms_of(driver)[vm.name].id
    follower = Follower(driver)
    done(vm.PowerOffVM_Task())
    remark = follower.hears("powered off")
    assert (remark.vm, remark.by, remark.own) == (ours, center.vcsim.user, True)
    assert remark.at == pytest.approx(time.time(), abs=60)
    done(vm.PowerOnVM_Task())
    follower.hears("powered on")
    assert len([one for one in follower.remarks if one.vm == ours]) == 2, "told twice"


def test_what_was_before_we_looked_is_not_told(center: Center, root: Any) -> None:
    vm = all_of(root, vim.VirtualMachine)[3]
    done(vm.PowerOffVM_Task())
    driver = center.driver()
    follower = Follower(driver)
    done(vm.PowerOnVM_Task())
    follower.hears("powered on")
    assert len(follower.remarks) == 1
    driver.close()


def test_a_vm_that_was_removed_is_still_named(driver: Any, root: Any) -> None:
    source = all_of(root, vim.VirtualMachine)[0]
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
    copy = done(source.CloneVM_Task(source.parent, "short-lived", spec))
    ours = vms_of(driver)["short-lived"].id
    follower = Follower(driver)
    done(copy.Destroy_Task())
    assert follower.hears("emoved").vm == ours


def test_after_a_restart_of_the_vcenter_its_events_are_counted_anew(center: Center) -> None:
    driver = center.driver()
    follower = Follower(driver)
    with center.person() as root:
        for _ in range(3):
            vm = all_of(root, vim.VirtualMachine)[0]
            done(vm.PowerOffVM_Task())
            done(vm.PowerOnVM_Task())
    follower.hears("powered on")
    center.restart()
    follower.more()
    with center.person() as root:
        follower.more()
        follower.remarks.clear()
        done(all_of(root, vim.VirtualMachine)[0].PowerOffVM_Task())
        follower.hears("powered off")
    driver.close()
