"""Templates and labels at a vCenter: what is written, what is refused, what is told of them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from anypool.drivers import Driver
from anypool.drivers.registry import connect
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.rest import TAGGING, Rest
from anypool.errors import Conflict, NotSupported, Rejected
from anypool.lab import vcsim
from anypool.model import Changes, LabelChange, Vm, VmState
from tests.vsphere.conftest import endpoint_of, found, session

WITHIN_S = 2.0


@pytest.fixture(scope="module")
def center() -> Iterator[vcsim.Vcsim]:
    made = vcsim.start(vcsim.VcsimSpec(clusters=1, hosts=2, vms=4))
    yield made
    made.stop()


@pytest.fixture
def driver(center: vcsim.Vcsim) -> Iterator[Driver]:
    made = connect(endpoint_of(center), center.password)
    yield made
    made.close()


@pytest.fixture
def content(center: vcsim.Vcsim) -> Iterator[Any]:
    with session(center) as made:
        yield made


class Colleague:
    """Somebody else who writes tags, by the same REST service."""

    def __init__(self, center: vcsim.Vcsim) -> None:
        self.rest = Rest(Session(endpoint_of(center, "colleague"), center.password))

    def category(self, name: str, cardinality: str) -> str:
        spec = {"name": name, "description": "", "cardinality": cardinality, "associable_types": []}
        return str(self.rest.do("", "POST", f"{TAGGING}/category", {"create_spec": spec}))

    def tag(self, name: str, category: str) -> str:
        spec = {"name": name, "description": "", "category_id": category}
        return str(self.rest.do("", "POST", f"{TAGGING}/tag", {"create_spec": spec}))

    def attach(self, tag: str, thing: Any, *, action: str = "attach") -> None:
        kind = "VirtualMachine" if isinstance(thing, vim.VirtualMachine) else "HostSystem"
        about = {"object_id": {"id": thing._moId, "type": kind}}
        path = f"{TAGGING}/tag-association/id:{tag}?~action={action}"
        self.rest.do("", "POST", path, about)


@pytest.fixture
def colleague(center: vcsim.Vcsim) -> Iterator[Colleague]:
    made = Colleague(center)
    yield made
    made.rest.close()


def vm_of(driver: Driver, number: int) -> Vm:
    return sorted(driver.observe().vms, key=lambda one: one.name)[number]


def write(driver: Driver, vm: Vm, *add: str, **how: Any) -> None:
    assert vm.host is not None
    driver.change_labels(vm.host, vm.id, LabelChange(add=add, **how))


def labels(driver: Driver, vm: Vm) -> frozenset[str]:
    return driver.observe_vms((vm.id,)).vms[0].labels


def test_vcenter_s_own_view_is_that_of_a_template(driver: Driver, content: Any) -> None:
    vm = vm_of(driver, 0)
    assert vm.host is not None
    real = next(one for one in found(content, vim.VirtualMachine) if one.name == vm.name)
    with pytest.raises(Conflict, match="running"):
        driver.mark_template(vm.id, vm.host, True)
    assert not real.config.template
    task = real.PowerOffVM_Task()
    while task.info.state not in ("success", "error"):
        time.sleep(0.01)
    driver.mark_template(vm.id, vm.host, True)
    assert real.config.template
    assert real.resourcePool is None
    driver.mark_template(vm.id, vm.host, False)
    assert not real.config.template
    assert real.resourcePool is not None
    assert driver.observe_vms((vm.id,)).vms[0].state is VmState.STOPPED


def test_a_tag_of_a_category_for_one_gives_way_only_where_that_was_asked(
    driver: Driver, content: Any, colleague: Colleague
) -> None:
    vm = vm_of(driver, 1)
    real = next(one for one in found(content, vim.VirtualMachine) if one.name == vm.name)
    category = colleague.category("tier", "SINGLE")
    silver = colleague.tag("silver", category)
    colleague.tag("gold", category)
    colleague.attach(silver, real)
    with pytest.raises(Rejected, match=r"tier:silver.*one tag only"):
        write(driver, vm, "tier:gold")
    with pytest.raises(Rejected, match="knows no tag tier:bronze"):
        write(driver, vm, "tier:bronze", replace=True)
    driver.observe()
    driver.tags.renew()  # type: ignore[attr-defined]
    assert labels(driver, vm) == {"tier:silver"}
    write(driver, vm, "tier:gold", replace=True)
    assert labels(driver, vm) == {"tier:gold"}
    write(driver, vm, remove=("tier:gold",))
    assert labels(driver, vm) == frozenset()


def test_a_label_that_is_not_known_is_made_only_where_that_was_asked(driver: Driver) -> None:
    vm = vm_of(driver, 2)
    for unknown in ("rack:a1", "team=red"):
        with pytest.raises(Rejected, match="knows no"):
            write(driver, vm, unknown)
    write(driver, vm, "rack:a1", "team=red", make=True)
    assert labels(driver, vm) == {"rack:a1", "team=red"}
    write(driver, vm, "rack:a2", make=True)
    assert labels(driver, vm) == {"rack:a1", "rack:a2", "team=red"}
    write(driver, vm, remove=("rack:a1", "rack:a2", "team=red"))
    assert labels(driver, vm) == frozenset()


def test_tags_that_somebody_else_writes_are_told_within_two_seconds(
    driver: Driver, content: Any, colleague: Colleague
) -> None:
    vm = vm_of(driver, 3)
    real = next(one for one in found(content, vim.VirtualMachine) if one.name == vm.name)
    host = found(content, vim.HostSystem)[0]
    tag = colleague.tag("yes", colleague.category("backup", "MULTIPLE"))
    cursor = driver.changes("", 0.0).cursor
    cursor = driver.changes(cursor, 1.2).cursor
    for thing, action in ((real, "attach"), (real, "detach"), (host, "attach"), (host, "detach")):
        began = time.monotonic()
        colleague.attach(tag, thing, action=action)
        seen = told(driver, cursor)
        cursor = seen.cursor
        assert time.monotonic() - began < WITHIN_S
        (said,) = [one for one in seen.remarks if one.what.startswith("tag ")]
        assert said.what == f"tag backup:yes {action}ed"
        assert said.by == ""
        if thing is real:
            assert vm.id in seen.vms
            assert said.vm == vm.id
            assert labels(driver, vm) == ({"backup:yes"} if action == "attach" else set())
        else:
            assert seen.host
            assert said.host is not None


def told(driver: Driver, cursor: str) -> Changes:
    """The first answer that tells of tags; changes of other kinds may come before it."""
    until = time.monotonic() + 10
    while True:
        seen = driver.changes(cursor, 5.0)
        if any(one.what.startswith("tag ") for one in seen.remarks):
            return seen
        assert time.monotonic() < until
        cursor = seen.cursor


def test_a_custom_attribute_is_told_with_who_wrote_it(driver: Driver, content: Any) -> None:
    vm = vm_of(driver, 3)
    real = next(one for one in found(content, vim.VirtualMachine) if one.name == vm.name)
    field = content.customFieldsManager.AddCustomFieldDef("cost centre")
    cursor = driver.changes("", 0.0).cursor
    content.customFieldsManager.SetField(real, field.key, "42")
    until = time.monotonic() + 5
    while True:
        seen = driver.changes(cursor, 2.0)
        cursor = seen.cursor
        if words := [one for one in seen.remarks if "cost centre" in one.what]:
            break
        assert time.monotonic() < until
    assert words[0].vm == vm.id
    assert words[0].by
    assert "cost centre=42" in labels(driver, vm)


def test_where_we_only_look_no_label_leaves(center: vcsim.Vcsim) -> None:
    watched = Session(endpoint_of(center, "watched", observe_only=True), center.password)
    rest = Rest(watched)
    with pytest.raises(NotSupported, match="observe-only"):
        rest.do("write", "POST", f"{TAGGING}/category", {})
    there = watched.rest_connection(5.0)
    assert rest.ask("GET", f"{TAGGING}/tag") is not None
    from anypool.drivers.vsphere.answers import NotALook

    for method, path in (
        ("POST", f"{TAGGING}/category"),
        ("POST", f"{TAGGING}/tag"),
        ("POST", f"{TAGGING}/tag-association/id:x?~action=attach"),
        ("POST", f"{TAGGING}/tag-association?~action=attach-multiple-tags-to-object"),
        ("DELETE", f"{TAGGING}/tag/id:x"),
        ("PATCH", f"{TAGGING}/tag/id:x"),
        ("GET", f"{TAGGING}/tag/id:x?~action=revoke"),
    ):
        with pytest.raises(NotALook):
            there.request(method, path)
        assert there.sock is None, "nothing was even connected"
    rest.close()
    watched.close()
