"""Every SOAP call that looking at a vCenter makes, recorded between: none is a writer."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.drivers.observing import DEEDS
from anypool.drivers.vsphere.answers import LOOKS, REST_LOOKS
from anypool.drivers.vsphere.connect import Session
from anypool.errors import NotSupported, Unreachable
from anypool.lab.vcsim import VcsimSpec
from tests.contract.harness import wait_until
from tests.contract.test_declared import sample_arguments
from tests.contract.vcenter import PASSWORD, Center, all_of, done

pytestmark = pytest.mark.vcsim

READERS = frozenset(
    {
        *("ServiceInstance.RetrieveServiceContent", "ServiceInstance.CurrentTime"),
        *("SessionManager.Login", "SessionManager.Logout"),
        *("PropertyCollector.CreatePropertyCollector", "PropertyCollector.CreateFilter"),
        *("PropertyCollector.WaitForUpdatesEx", "PropertyCollector.CancelWaitForUpdates"),
        *("PropertyCollector.RetrievePropertiesEx", "ViewManager.CreateContainerView"),
        *("PropertyCollector.ContinueRetrievePropertiesEx", "CustomFieldsManager.Fetch"),
        *("POST /rest/com/vmware/cis/session", "DELETE /rest/com/vmware/cis/session"),
        *("GET /rest/com/vmware/cis/tagging/tag", "GET /rest/com/vmware/cis/tagging/tag/id"),
        "GET /rest/com/vmware/cis/tagging/category/id",
        "POST /rest/com/vmware/cis/tagging/tag-association?~action=list-attached-objects-on-tags",
        *("EventManager.QueryEvents", "PerformanceManager.Fetch", "PerformanceManager.QueryPerf"),
    }
)
"""Each was looked up in the vSphere Web Services reference: it asks for no privilege but
System.View and System.Read, and what it makes is the session's own. What is not in here fails
the test."""

ROUNDS = 60
"""A full reading a minute for an hour."""


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    made = Center(tmp_path_factory.mktemp("vcenter"), VcsimSpec(hosts=2, vms=4))
    yield made
    made.close()


def test_an_hour_of_looking_calls_no_writer(center: Center) -> None:
    center.between.calls.clear()
    with center.person() as root:
        before = written(root)
        driver = center.driver()
        cursor = driver.changes("", 0.0).cursor
        frame = driver.observe()
        assert all(host.observe_only for host in frame.hosts)
        for number in range(ROUNDS):
            victim = work(root, number)
            found = driver.changes(cursor, 5.0)
            cursor = found.cursor
            assert found.vms
            assert driver.observe_vms(tuple(sorted(found.vms))).vms
            assert driver.observe().vms
            look_otherwise(driver)
            for operation in sorted(DEEDS):
                with pytest.raises(NotSupported):
                    getattr(driver, operation)(*sample_arguments(operation))
            undo(victim, number)
        driver.close()
        assert written(root) == before
    calls = center.between.calls
    assert set(calls) <= READERS, set(calls) - READERS
    assert calls["PropertyCollector.RetrievePropertiesEx"] >= ROUNDS, "nothing was recorded"


def test_a_mistake_in_the_driver_ends_in_its_connection(center: Center) -> None:
    """The last lock: a driver that means to write sends nothing where we only look."""
    session = Session(center.endpoint(), PASSWORD)
    with center.person() as root:
        vm = all_of(root, vim.VirtualMachine)[0]
        before = vm.runtime.powerState
        mine = session.object(vim.VirtualMachine, vm._moId)
        center.between.calls.clear()
        for deed in (mine.PowerOffVM_Task, mine.UnregisterVM, mine.Destroy_Task):
            with pytest.raises(NotSupported, match="nothing was sent"):
                session.read("be mistaken", lambda _, deed=deed: deed())
        with pytest.raises(NotSupported):
            session.do("destroy", lambda _: mine.Destroy_Task())
        assert not center.between.calls
        assert vm.runtime.powerState == before
    session.close()


def test_who_read_what_changed_is_not_told_of_it_again(center: Center) -> None:
    """Else one change would make us ask for ever."""
    driver = center.driver()
    driver.observe()
    cursor = driver.changes("", 0.0).cursor
    with center.person() as root:
        victim = work(root, 1)
        rounds = 0
        while (found := driver.changes(cursor, 5.0 if rounds == 0 else 0.3)).vms:
            cursor, rounds = found.cursor, rounds + 1
            driver.observe_vms(tuple(sorted(found.vms)))
            assert rounds < 5, "it is told again and again"
        assert rounds > 0
        undo(victim, 1)
    driver.close()


def test_waiting_for_half_a_second_asks_once_or_twice(center: Center) -> None:
    """vCenter waits for whole seconds; rounded to none, a wait would ask again and again."""
    driver = center.driver()
    driver.observe()
    cursor = driver.changes("", 0.0).cursor
    before = center.between.calls["PropertyCollector.WaitForUpdatesEx"]
    driver.changes(cursor, 0.4)
    asked = center.between.calls["PropertyCollector.WaitForUpdatesEx"] - before
    driver.close()
    assert 1 <= asked <= 2


def test_nobody_logs_in_again_after_it_was_closed(center: Center) -> None:
    """Who still waits for changes then is told so; at the vCenter no session stays."""
    with center.person() as root:
        before = len(root.sessionManager.sessionList)
        driver = center.driver()
        cursor = driver.changes("", 0.0).cursor
        center.between.mood(None)
        ended: list[BaseException] = []

        def wait() -> None:
            try:
                driver.changes(cursor, 30.0)
            except Unreachable as error:
                ended.append(error)

        calls = center.between.calls["PropertyCollector.WaitForUpdatesEx"]
        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_until(
            lambda: center.between.calls["PropertyCollector.WaitForUpdatesEx"] > calls, "it waits"
        )
        driver.close()
        waiting.join(10)
        assert ended
        assert len(root.sessionManager.sessionList) == before


def test_the_connection_lets_no_more_pass_than_is_written_down_here() -> None:
    methods = {name.partition(".")[2] for name in READERS if "/rest/" not in name}
    more = {
        *("DestroyPropertyCollector", "DestroyPropertyFilter", "DestroyView"),
        *("CancelRetrievePropertiesEx", "QueryPerfCounter"),
        *("QueryPerfProviderSummary", "QueryAvailablePerfMetric"),
    }
    assert methods | more == LOOKS
    rest = {name.partition(" ")[::2] for name in READERS if "/rest/" in name}
    asked = {(verb, path.replace("/id", "/id:some-id")) for verb, path in rest}
    for verb, path in asked:
        assert any(one == verb and known.fullmatch(path) for one, known in REST_LOOKS), path
    assert len(REST_LOOKS) == len(rest) - 1, "tags and categories share one"


def look_otherwise(driver: Any) -> None:
    """Take what else can be seen, where the driver offers it."""
    for look in (driver.measure, driver.traces):
        try:
            look()
        except NotSupported:
            continue


def work(root: Any, number: int) -> Any:
    """Do what happens at a vCenter all day; return the VM it happened to."""
    vm = all_of(root, vim.VirtualMachine)[number % 4]
    if number % 2:
        done(vm.PowerOffVM_Task())
    else:
        done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=64)))
    return vm


def undo(vm: Any, number: int) -> None:
    if number % 2:
        done(vm.PowerOnVM_Task())
    else:
        done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=32)))


def written(root: Any) -> list[str]:
    """Return everything at the vCenter that we could have written into."""
    found = []
    for vm in all_of(root, vim.VirtualMachine):
        config = vm.config
        found.append(
            f"{vm.name} {vm.runtime.powerState} {vm.runtime.host._moId} {config.annotation} "
            f"{config.instanceUuid} {config.uuid} {config.hardware.memoryMB} {vm.snapshot} "
            f"{len(config.hardware.device)} {[(x.key, x.value) for x in config.extraConfig]} "
            f"{[(x.key, x.value) for x in vm.customValue]} {[t._moId for t in vm.tag]}"
        )
    for host in all_of(root, vim.HostSystem):
        runtime = host.runtime
        found.append(f"{host.name} {runtime.inMaintenanceMode} {runtime.connectionState}")
        found.append(f"{len(host.vm)} {len(host.datastore)} {len(host.network)}")
    for store in all_of(root, vim.Datastore):
        found.append(f"{store.name} {store.summary.url} {len(store.vm)}")
    return [*found, *(f"{one.key} {one.name}" for one in root.customFieldsManager.field)]
