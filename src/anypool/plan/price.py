"""What a plan will take, before it runs: bytes, time, the longest pause and energy.

Figures come from a model, and what runs taught corrects them. Both are values that are
given, so that a price can be made again.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import Inventory, Means
from anypool.model.units import MIB
from anypool.plan.action import (
    Action,
    AttachDisk,
    AttachNic,
    AwaitReady,
    ChangeLabels,
    CreateSnapshot,
    CreateVm,
    DeleteSnapshot,
    DeleteVm,
    DetachDisk,
    DetachNic,
    EnterMaintenance,
    EraseTrace,
    FenceHost,
    ForgetCopy,
    HandOver,
    LeaveMaintenance,
    MarkTemplate,
    MigrateVm,
    MoveDisks,
    PauseVm,
    PowerOffHost,
    PowerOnHost,
    ReconfigureVm,
    RemoveCopy,
    RenameVm,
    RestartVm,
    ResumeVm,
    RevertSnapshot,
    StartAfterFailure,
    StartVm,
    StopVm,
    VerifyHost,
    hosts_of,
)
from anypool.plan.disks import going
from anypool.plan.plan import Cost, Plan, Proven
from anypool.plan.schedule import Limits, least_ms, makespan_ms
from anypool.plan.serveraction import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    PowerOffServer,
    PowerOnServer,
    VerifyServer,
    WithdrawProfile,
)

MODEL = 1
"""Of the figures below; what was measured against other ones teaches nothing any more."""

Key = tuple[str, str, str]


class Correction(Struct, frozen=True, kw_only=True, gc=False):
    """What runs taught about one kind of action: factors, in thousandths, and from how many.

    `source` and `target` are hosts, empty for any; an action on one host has it as `source`.
    """

    kind: str
    source: str = ""
    target: str = ""
    samples: int
    time: int = 1000
    bytes: int = 1000
    pause: int = 1000

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.source, self.target


class CostModel(Struct, frozen=True, kw_only=True, gc=False):
    """Figures a price is made of; the defaults are cautious guesses until runs correct them.

    Energy is what a migration itself takes at both hosts, in millijoules, for each MiB and
    for each migration: figures that were published, which no run corrects.
    """

    bandwidth_mib_s: int = 100
    migrate_overhead_ms: int = 1000
    migrate_pause_ms: int = 50
    migrate_mib_mj: int = 512
    migrate_overhead_mj: int = 20_165
    short_ms: int = 500
    shut_down_ms: int = 10_000
    service_ms: int = 600_000
    moves_per_host: int = 2
    steps_at_once: int = 64
    power_off_ms: int = 60_000
    fence_ms: int = 10_000
    power_on_ms: int = 300_000
    profile_ms: int = 60_000
    corrections: tuple[Correction, ...] = ()


def priced(plan: Plan, inventory: Inventory, model: CostModel, slots: int) -> Plan:
    """Return the plan with a cost on every step and in all, and how near the time is to the least.

    `slots` is how many migrations go on at once; the duration is that of a schedule which
    respects `after` and the limits.
    """
    known = {one.key: one for one in model.corrections}
    steps = tuple(replace(s, cost=_corrected(s.action, inventory, model, known)) for s in plan)
    limits = Limits(moves=slots, moves_per_host=model.moves_per_host, steps=model.steps_at_once)
    total = Cost(
        copy_bytes=sum(step.cost.copy_bytes for step in steps),
        duration_ms=makespan_ms(steps, limits),
        pause_ms=max((step.cost.pause_ms for step in steps), default=0),
        energy_j=sum(step.cost.energy_j for step in steps),
    )
    others = tuple(one for one in plan.bounds if one.what != "time")
    time = Proven(what="time", reached=total.duration_ms, bound=least_ms(steps, limits))
    bounds = (*others, time) if total.duration_ms else others
    return replace(plan, steps=steps, cost=total, bounds=bounds)


def used(plan: Plan, model: CostModel) -> CostModel:
    """Return the model with those corrections alone that the price of a plan is made with."""
    known = {one.key: one for one in model.corrections}
    found = {one.key for step in plan if (one := correction_of(step.action, known)) is not None}
    return replace(model, corrections=tuple(known[key] for key in sorted(found)))


def kind_of(action: Action) -> str:
    """Return the name of an action's type, such as `migrate-vm`."""
    return str(action.__struct_config__.tag)


def keys_of(action: Action) -> tuple[Key, Key, Key]:
    """Return what corrections of an action are looked up by: the nearest first."""
    kind, hosts = kind_of(action), hosts_of(action)
    source, target = hosts[0], hosts[1] if len(hosts) > 1 else ""
    return (kind, source, target), (kind, source, ""), (kind, "", "")


def correction_of(action: Action, known: Mapping[Key, Correction]) -> Correction | None:
    """Return the nearest correction of an action, None where nothing was learned."""
    return next((known[key] for key in keys_of(action) if key in known), None)


def _corrected(
    action: Action, inventory: Inventory, model: CostModel, known: Mapping[Key, Correction]
) -> Cost:
    plain = plain_cost(action, inventory, model)
    found = correction_of(action, known)
    if found is None:
        return plain
    return replace(
        plain,
        copy_bytes=plain.copy_bytes * found.bytes // 1000,
        duration_ms=plain.duration_ms * found.time // 1000,
        pause_ms=plain.pause_ms * found.pause // 1000,
    )


def plain_cost(action: Action, inventory: Inventory, model: CostModel) -> Cost:
    """Return what an action takes by the model alone, without corrections."""
    match action:
        case MigrateVm() | MoveDisks():
            return _copying(action, inventory, model)
        case StopVm() | RestartVm():
            return Cost(duration_ms=model.shut_down_ms)
        case AwaitReady(ready=ready):
            return Cost(duration_ms=round(1000 * max(1.0, ready.delay_s)))
        case HandOver():
            return Cost(duration_ms=model.service_ms)
        case PowerOffHost() | FenceHost() | PowerOffServer():
            return Cost(duration_ms=_off_ms(action, model))
        case ApplyProfile() | WithdrawProfile() | JoinHost():
            virtual = not isinstance(action, JoinHost) and action.means is Means.VM
            return Cost(duration_ms=model.short_ms if virtual else model.profile_ms)
        case PowerOnHost() | PowerOnServer():
            return Cost(duration_ms=model.power_on_ms)
        case EnterMaintenance() | LeaveMaintenance() | VerifyHost() | VerifyServer():
            return Cost()
        case (
            CreateVm() | StartVm() | PauseVm() | ResumeVm() | DeleteVm() | RenameVm()
            | ReconfigureVm() | AttachDisk() | DetachDisk() | AttachNic() | DetachNic()
            | CreateSnapshot() | RevertSnapshot() | DeleteSnapshot() | EraseTrace()
            | StartAfterFailure() | ForgetCopy() | RemoveCopy() | MarkTemplate() | ChangeLabels()
            | LeaveHost()
        ):  # fmt: skip
            return Cost(duration_ms=model.short_ms)
        case _:
            assert_never(action)


def _off_ms(action: PowerOffHost | FenceHost | PowerOffServer, model: CostModel) -> int:
    asks = not isinstance(action, FenceHost) and not getattr(action, "force", False)
    return model.power_off_ms if asks else model.fence_ms


def _copying(action: MigrateVm | MoveDisks, inventory: Inventory, model: CostModel) -> Cost:
    """Return what copying takes: memory, or the disks that are elsewhere."""
    vm = inventory.vms.get(action.vm)
    if isinstance(action, MoveDisks):
        size = 0 if vm is None else sum(disk.size_bytes for disk in going(vm, action))
        copy_ms = 1000 * size // MIB // max(1, model.bandwidth_mib_s)
        return Cost(copy_bytes=size, duration_ms=copy_ms + model.short_ms)
    memory_mib = 0 if vm is None else vm.memory_mib
    copy_ms = 1000 * memory_mib // max(1, model.bandwidth_mib_s)
    energy_mj = memory_mib * model.migrate_mib_mj + model.migrate_overhead_mj
    return Cost(
        copy_bytes=memory_mib * MIB,
        duration_ms=copy_ms + model.migrate_overhead_ms,
        pause_ms=model.migrate_pause_ms,
        energy_j=energy_mj // 1000,
    )
