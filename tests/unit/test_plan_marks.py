"""Templates and labels: what a plan makes of them, what refuses them, what the judge objects to."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import (
    Capability,
    EndpointId,
    Host,
    HostId,
    Inventory,
    LabelChange,
    Vm,
    VmId,
    VmState,
    field_of,
)
from anypool.plan import ChangeLabels, MarkTemplate, Plan, StartVm, Step, StopVm, reason
from anypool.plan.check import objections
from anypool.plan.effect import apply
from anypool.plan.render import describe, names_in
from anypool.planner.operate import plan_start
from anypool.service.marks import checked_change

BOTH = frozenset({Capability.TEMPLATE, Capability.LABELS})
HOST = Host(id=HostId("h1"), name="h1", endpoint=EndpointId("e"), memory_mib=4096,
            capabilities=BOTH, labels=frozenset({"rack:a"}))  # fmt: skip
VM = Vm(id=VmId("v"), name="web", host=HOST.id, state=VmState.STOPPED,
        labels=frozenset({"tier:silver", "owner=ada"}))  # fmt: skip
MARK = MarkTemplate(vm=VM.id, host=HOST.id)
UNMARK = MarkTemplate(vm=VM.id, host=HOST.id, template=False)
START = StartVm(vm=VM.id, host=HOST.id)


def pool(vm: Vm = VM, host: Host = HOST) -> Inventory:
    return Inventory().with_host(host).with_vm(vm)


def change(
    vm: VmId | None = VM.id, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> ChangeLabels:
    return ChangeLabels(host=HOST.id, vm=vm, change=LabelChange(add=add, remove=remove))


def test_a_template_is_made_and_made_a_vm_again() -> None:
    marked = apply(MARK, pool())
    assert marked.vms[VM.id].template
    assert describe(MARK, names_in(pool())) == "make web on h1 a template"
    assert describe(UNMARK, names_in(pool())) == "make the template web on h1 a VM again"
    assert apply(UNMARK, marked).vms[VM.id] == VM
    for refused in (MARK, START):
        with pytest.raises(Conflict, match="is a template"):
            apply(refused, marked)
    with pytest.raises(Conflict, match="is a template"):
        plan_start(marked, VM.id)
    with pytest.raises(Conflict, match="no template"):
        apply(UNMARK, pool())


@pytest.mark.parametrize("state", [VmState.RUNNING, VmState.PAUSED, VmState.UNKNOWN])
def test_only_what_is_stopped_becomes_a_template(state: VmState) -> None:
    with pytest.raises(Conflict):
        apply(MARK, pool(replace(VM, state=state)))


def test_where_the_platform_has_neither_both_are_refused() -> None:
    plain = pool(host=replace(HOST, capabilities=frozenset()))
    for action in (MARK, change(add=("tier:gold",)), change(None, add=("tier:gold",))):
        with pytest.raises(Conflict, match="h1"):
            apply(action, plain)


def test_labels_are_written_and_taken_away_and_others_stay() -> None:
    wish = change(add=("tier:gold", "owner=eve"), remove=("tier:silver",))
    assert apply(wish, pool()).vms[VM.id].labels == {"tier:gold", "owner=eve"}
    assert apply(change(None, add=("row:1",)), pool()).hosts[HOST.id].labels == {"rack:a", "row:1"}
    said = describe(wish, names_in(pool()))
    assert said == "write the labels tier:gold, owner=eve onto web and take off tier:silver"
    assert describe(change(None, add=("row:1",)), names_in(pool())).endswith("onto h1")
    assert (
        describe(change(None, remove=("rack:a",)), names_in(pool()))
        == "take the labels rack:a off h1"
    )


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("tier:gold", ""),
        ("owner=ada", "owner"),
        ("a:b=c", ""),
        ("a=b:c", "a"),
        ("=x", ""),
        ("x", ""),
    ],
)
def test_what_is_a_field_and_what_a_tag(label: str, field: str) -> None:
    assert field_of(label) == field


@pytest.mark.parametrize(
    "wrong",
    [
        LabelChange(),
        LabelChange(add=("gold",)),
        LabelChange(add=(":gold",)),
        LabelChange(add=("tier: ",)),
        LabelChange(add=("owner=",)),
        LabelChange(add=("a:b\n",)),
        LabelChange(add=("a:" + "b" * 300,)),
        LabelChange(add=("a:b",), remove=("a:b",)),
        LabelChange(add=("owner=a", "owner=b")),
        LabelChange(add=tuple(f"a:{n}" for n in range(65))),
    ],
)
def test_what_is_no_change_of_labels_is_refused(wrong: LabelChange) -> None:
    with pytest.raises(Invalid):
        checked_change(wrong)


def judged(inventory: Inventory, *actions: MarkTemplate | StartVm | StopVm) -> list[str]:
    steps = tuple(
        Step(number=number, action=one, why=reason("asked", who="ada"))
        for number, one in enumerate(actions, 1)
    )
    return [one.code for one in objections(Plan(goal="", steps=steps), inventory)]


def test_the_judge_sees_templates_that_would_run() -> None:
    runs = pool(replace(VM, state=VmState.RUNNING))
    assert judged(pool(), MARK) == []
    assert judged(runs, MARK) == ["check.mark-runs"]
    assert judged(runs, StopVm(vm=VM.id, host=HOST.id), MARK) == []
    assert judged(pool(), MARK, START) == ["check.template-runs"]
    assert judged(pool(), START, MARK) == ["check.mark-runs"]
    assert judged(pool(replace(VM, template=True)), START) == ["check.template-runs"]
    assert judged(pool(replace(VM, template=True)), UNMARK, START) == []
