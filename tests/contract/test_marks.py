"""Templates and labels: twice is once, and nothing that was not named is touched."""

import pytest

from anypool.errors import AnypoolError, Conflict, Rejected
from anypool.model import Capability, LabelChange, VmId, VmState
from tests.contract.harness import Harness

CREATE, POWER = Capability.VM_CREATE, Capability.VM_POWER
TEMPLATE, LABELS = Capability.TEMPLATE, Capability.LABELS


@pytest.mark.needs(CREATE, POWER, TEMPLATE)
def test_a_vm_becomes_a_template_and_a_vm_again(harness: Harness) -> None:
    vm, host = harness.create(), harness.host.id
    for _ in range(2):
        harness.driver.mark_template(vm.id, host, True)
        assert harness.look(vm.id).template
    with pytest.raises(Conflict):
        harness.driver.start_vm(vm.id, host)
    assert harness.look(vm.id).state is VmState.STOPPED
    for _ in range(2):
        harness.driver.mark_template(vm.id, host, False)
        assert not harness.look(vm.id).template
    harness.driver.start_vm(vm.id, host)
    with pytest.raises(Conflict):
        harness.driver.mark_template(vm.id, host, True)
    seen = harness.look(vm.id)
    assert (seen.state, seen.template) == (VmState.RUNNING, False)


@pytest.mark.needs(CREATE, LABELS)
@pytest.mark.parametrize("of_vm", [True, False])
def test_labels_are_written_once_and_only_what_is_named_goes(harness: Harness, of_vm: bool) -> None:
    vm, host = harness.create(), harness.host.id
    bearer = vm.id if of_vm else None

    def labels() -> frozenset[str]:
        if of_vm:
            return harness.look(vm.id).labels
        return {one.id: one for one in harness.driver.observe().hosts}[host].labels

    def write(*add: str, remove: tuple[str, ...] = (), replace: bool = False) -> None:
        change = LabelChange(add=add, remove=remove, replace=replace, make=True)
        harness.driver.change_labels(host, bearer, change)

    before = labels()
    wished = {"contract:one", "contract:two", "keeper=ada"}
    for _ in range(2):
        write(*wished)
        harness.settle(lambda: labels() == before | wished, "the labels are seen")
    with pytest.raises(Rejected, match="keeper=ada"):
        write("keeper=eve", "contract:three")
    assert labels() == before | wished, "one that cannot be written leaves all as it was"
    left = before | {"contract:two", "keeper=eve"}
    for _ in range(2):
        write("keeper=eve", remove=("contract:one", "contract:none"), replace=True)
        harness.settle(lambda: labels() == left, "the labels are seen")
    write(remove=("contract:two", "keeper=ada", "keeper=eve"))
    harness.settle(lambda: labels() == before, "they are gone")


@pytest.mark.needs(CREATE, LABELS)
def test_a_vm_that_is_not_there_gets_no_label(harness: Harness) -> None:
    vm = harness.create()
    with pytest.raises(AnypoolError):
        harness.driver.change_labels(
            harness.host.id, VmId(f"{vm.id[:-4]}dead"), LabelChange(add=("a:b",), make=True)
        )
