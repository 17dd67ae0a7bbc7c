"""What is judged before a profile becomes a VM's, or leaves one: one sight, one decision."""

from msgspec.structs import replace

from anypool.engine.runs.decision import Act, Decision, Done, Fail, Memory, Wait
from anypool.engine.runs.sight import Sight
from anypool.engine.runs.virtual import of_virtual
from anypool.model import Inventory, Means, Nic, Power, VmId, VmState
from anypool.model.profile import bearer_of
from anypool.plan import ApplyProfile, WithdrawProfile, reason
from tests.strategies import vm
from tests.unit.test_bearing import DB, FIRST, MAC, OTHER, changed, world

WEB = VmId("v7")
GIVE = ApplyProfile(profile=DB.id, server=bearer_of(WEB), epoch=1, means=Means.VM)
TAKE = WithdrawProfile(profile=DB.id, server=bearer_of(WEB), epoch=1, means=Means.VM)
MARK = f"{DB.id}@1"


def owned(inventory: Inventory) -> Inventory:
    mine = replace(DB, server=bearer_of(WEB), epoch=1, means=Means.VM)
    return inventory.with_profile(mine)


def seen(inventory: Inventory, entered: str = "", **more: object) -> Sight:
    made = Sight(inventory=inventory, void=None, serves=True, entered=entered)
    return replace(made, **more)


def judged(action: ApplyProfile | WithdrawProfile, sight: Sight, *, sent: bool = False) -> Decision:
    return of_virtual(action, sight, Memory(sent=sent), acked=False)


def code(decision: Decision) -> str:
    assert isinstance(decision, Fail | Wait)
    assert decision.why is not None
    return decision.why.code


def test_a_profile_is_given_once_and_counts_when_its_boot_host_shows_it() -> None:
    free = world()
    assert isinstance(judged(GIVE, seen(free)), Act)
    mine = owned(free)
    assert isinstance(judged(GIVE, seen(mine), sent=True), Act)
    assert isinstance(judged(GIVE, seen(mine, f"{DB.id}@0"), sent=True), Act)
    assert isinstance(judged(GIVE, seen(mine, MARK), sent=True), Done)
    assert isinstance(judged(GIVE, seen(mine, serves=False), sent=True), Done)
    assert code(judged(GIVE, seen(free, boots=False))) == "run.boot-host-silent"


def test_nothing_is_given_that_is_another_s_or_in_use() -> None:
    free = world()
    elsewhere = free.with_profile(replace(DB, server=FIRST, epoch=1, means=Means.ADDRESSES))
    assert code(judged(GIVE, seen(elsewhere))) == "run.profile-elsewhere"
    late = free.with_profile(replace(DB, epoch=3))
    assert code(judged(GIVE, seen(late))) == "run.profile-epoch"
    (adapter, *others) = free.servers[FIRST].adapters
    ports = (replace(adapter.ports[0], address=MAC), *adapter.ports[1:])
    for power in (Power.ON, Power.UNKNOWN):
        some = changed(free, FIRST, power=power, adapters=(replace(adapter, ports=ports), *others))
        assert code(judged(GIVE, seen(some))) == "run.address-twice"
    stray = free.with_vm(replace(vm(8, "h0"), nics=(Nic(mac=MAC),)))
    assert code(judged(GIVE, seen(stray))) == "run.address-twice"
    assert code(judged(GIVE, seen(free.with_vm(vm(7, "h0"))))) == "bear.vm-there"


def test_a_profile_leaves_a_vm_only_when_that_is_gone_and_does_not_answer() -> None:
    gone = owned(world())
    assert isinstance(judged(TAKE, seen(gone, MARK)), Act)
    assert isinstance(judged(TAKE, seen(gone)), Done)
    there = gone.with_vm(vm(7, "h0", state=VmState.STOPPED))
    decision = judged(TAKE, seen(there, MARK))
    assert isinstance(decision, Fail)
    assert code(decision) == "bear.vm-there"
    unclear = gone.with_vm(vm(7, "h0", state=VmState.UNKNOWN))
    assert isinstance(judged(TAKE, seen(unclear)), Wait)
    assert isinstance(judged(TAKE, seen(there, answered=False)), Wait)
    answers = seen(gone, void=reason("run.still-answers", profile="db"))
    assert code(judged(TAKE, answers)) == "run.still-answers"
    assert code(judged(TAKE, seen(world()))) == "run.profile-elsewhere"


def test_a_vm_of_a_profile_has_the_same_macs_each_time() -> None:
    assert DB.virtual_macs == (MAC,)
    bare = replace(DB, ports=())
    assert bare.virtual_macs == bare.virtual_macs
    assert bare.virtual_macs != replace(OTHER, ports=()).virtual_macs
    assert int(bare.virtual_macs[0][:2], 16) & 3 == 2, "locally administered, no group"
