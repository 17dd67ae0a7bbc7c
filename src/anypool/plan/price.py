"""What a plan will take, before it runs: bytes, time and the longest pause."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Inventory
from anypool.model.units import MIB
from anypool.plan.action import (
    Action,
    AttachDisk,
    AttachNic,
    AwaitReady,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    EraseTrace,
    HandOver,
    LeaveMaintenance,
    MigrateVm,
    PauseVm,
    ReconfigureVm,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartVm,
    StopVm,
    VerifyHost,
)
from anypool.plan.plan import Cost, Plan, Step


class CostModel(Struct, frozen=True, kw_only=True, gc=False):
    """Figures a price is made of; the defaults are cautious guesses until runs correct them."""

    bandwidth_mib_s: int = 100
    migrate_overhead_ms: int = 1000
    migrate_pause_ms: int = 50
    short_ms: int = 500
    shut_down_ms: int = 10_000
    service_ms: int = 600_000


def priced(plan: Plan, inventory: Inventory, model: CostModel, slots: int) -> Plan:
    """Return the plan with a cost on every step and in all.

    `slots` is how many steps run at once; the duration is that of a list schedule
    which respects `after`.
    """
    steps = tuple(replace(s, cost=_price(s.action, inventory, model)) for s in plan.steps)
    total = Cost(
        copy_bytes=sum(step.cost.copy_bytes for step in steps),
        duration_ms=_makespan(steps, max(1, slots)),
        pause_ms=max((step.cost.pause_ms for step in steps), default=0),
    )
    return replace(plan, steps=steps, cost=total)


def _makespan(steps: tuple[Step, ...], slots: int) -> int:
    free_at = [0] * slots
    ends: dict[int, int] = {}
    for step in steps:
        ready = max((ends[before] for before in step.after), default=0)
        slot = min(range(slots), key=lambda index: free_at[index])
        ends[step.number] = max(ready, free_at[slot]) + step.cost.duration_ms
        free_at[slot] = ends[step.number]
    return max(ends.values(), default=0)


def _price(action: Action, inventory: Inventory, model: CostModel) -> Cost:
    match action:
        case MigrateVm(vm=vm):
            record = inventory.vms.get(vm)
            memory_mib = 0 if record is None else record.memory_mib
            copy_ms = 1000 * memory_mib // max(1, model.bandwidth_mib_s)
            return Cost(
                copy_bytes=memory_mib * MIB,
                duration_ms=copy_ms + model.migrate_overhead_ms,
                pause_ms=model.migrate_pause_ms,
            )
        case StopVm() | RestartVm():
            return Cost(duration_ms=model.shut_down_ms)
        case AwaitReady(ready=ready):
            return Cost(duration_ms=round(1000 * max(1.0, ready.delay_s)))
        case HandOver():
            return Cost(duration_ms=model.service_ms)
        case EnterMaintenance() | LeaveMaintenance() | VerifyHost():
            return Cost()
        case (
            CreateVm() | StartVm() | PauseVm() | ResumeVm() | DeleteVm() | RenameVm()
            | ReconfigureVm() | AttachDisk() | DetachDisk() | AttachNic() | DetachNic()
            | CreateSnapshot() | RevertSnapshot() | DeleteSnapshot() | EraseTrace()
        ):  # fmt: skip
            return Cost(duration_ms=model.short_ms)
        case _:
            assert_never(action)
