"""What to do about one VM that is ill on a host that is well: a value, like what is done to hosts.

A VM that crashed is started again by `planner.ha.again`. Here are those that are still there:
paused by an error of its disk, on a host that lost its datastore, or no longer answering.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model import HighAvailability, HostId, Inventory, VmId, VmState
from anypool.plan import (
    Action,
    Plan,
    Reason,
    RestartHow,
    RestartVm,
    ResumeVm,
    Step,
    StopHow,
    StopVm,
    VmIs,
    digest,
    reason,
    say,
)


class Trouble(StrEnum):
    """What is wrong with a VM: paused for an error of a disk, its datastore lost, silent.

    `SILENT` is a guest that does not answer its probe, `MUTE` one whose agent does not.
    """

    PAUSED = "paused"
    STORE = "store"
    SILENT = "silent"
    MUTE = "mute"


class Ill(Struct, frozen=True, kw_only=True, gc=False):
    """One VM in trouble since `since`; times are seconds since 1970.

    `tries` counts what was done so far, `rest_s` is left of the pause after the last of them;
    `resets` counts those within an hour.
    `seen_there` says that another host has the datastore that its own lost. `busy` is a VM that
    still moves bytes, `alone` one of few that are silent. `still_s` is for how long one whose
    agent is silent was seen to move no bytes, None if nobody knows; `probed` says that its guest
    answers its probe.
    """

    vm: VmId
    host: HostId
    trouble: Trouble
    since: float
    about: str = ""
    tries: int = 0
    rest_s: float = 0.0
    resets: int = 0
    seen_there: bool = True
    busy: bool = False
    alone: bool = True
    still_s: float | None = None
    probed: bool = False


class Wait(Struct, frozen=True, gc=False, tag=True):
    """Nothing now."""

    why: Reason


class Resume(Struct, frozen=True, gc=False, tag=True):
    """Let it run on where it is: its disk is there, and does what failed again."""

    why: Reason


class TakeAway(Struct, frozen=True, gc=False, tag=True):
    """Stop it there, so that its host says that it is gone and it starts elsewhere."""

    why: Reason


class Reset(Struct, frozen=True, gc=False, tag=True):
    """Press its button."""

    why: Reason


Mend: TypeAlias = Wait | Resume | TakeAway | Reset
NoPlace: TypeAlias = Callable[[], Reason | None]
"""Says why a VM could not start on another host, None if it could."""


def mend(ill: Ill, rule: HighAvailability, now: float, no_place: NoPlace) -> Mend:
    """Return what to do about a VM that is ill.

    `no_place` is asked only where the answer decides: it looks at all hosts.
    """
    match ill.trouble:
        case Trouble.STORE:
            return _without_store(ill, rule, now, no_place)
        case Trouble.PAUSED:
            return _paused(ill, rule, no_place)
        case Trouble.SILENT:
            return _silent(ill, rule, now)
        case Trouble.MUTE:
            return _mute(ill, rule, now)


def gave_up(tries: int, rule: HighAvailability) -> Reason | None:
    """Return that no more is tried with a VM that failed by itself so often."""
    if not rule.tries or tries < rule.tries:
        return None
    return reason("ha.gave-up", count=tries)


def _without_store(ill: Ill, rule: HighAvailability, now: float, no_place: NoPlace) -> Mend:
    if not ill.seen_there:
        return Wait(reason("ha.store-nowhere", store=ill.about))
    if not rule.store_lost_s:
        return Wait(reason("ha.store-kept", store=ill.about))
    if now - ill.since < rule.store_lost_s:
        left = round(ill.since + rule.store_lost_s - now, 1)
        return Wait(reason("ha.store-lost", store=ill.about, left=left))
    if (why := no_place()) is not None:
        return Wait(reason("ha.store-no-place", store=ill.about, why=why))
    return TakeAway(reason("ha.store-elsewhere", store=ill.about))


def _paused(ill: Ill, rule: HighAvailability, no_place: NoPlace) -> Mend:
    if (why := gave_up(ill.tries, rule)) is not None:
        return Wait(why)
    if ill.rest_s > 0:
        return Wait(reason("ha.paused", count=ill.tries, left=round(ill.rest_s, 1)))
    if ill.tries < rule.in_place or no_place() is not None:
        return Resume(reason("ha.resume", count=ill.tries + 1))
    return TakeAway(reason("ha.paused-again", count=ill.tries))


def _silent(ill: Ill, rule: HighAvailability, now: float) -> Mend:
    silent = round(now - ill.since, 1)
    if silent < rule.guest_silent_s:
        return Wait(reason("ha.guest-silent", silent=silent, limit=rule.guest_silent_s))
    if ill.busy:
        return Wait(reason("ha.guest-busy", silent=silent))
    if not ill.alone:
        return Wait(reason("ha.guests-silent"))
    if ill.resets >= rule.guest_resets:
        return Wait(reason("ha.guest-resets", count=ill.resets))
    return Reset(reason("ha.guest-hung", silent=silent))


def _mute(ill: Ill, rule: HighAvailability, now: float) -> Mend:
    """Judge by an agent alone only where every other sign of life is absent too, and known to be.

    An agent may be stopped, or be updated, in a guest that is well.
    """
    silent = round(now - ill.since, 1)
    if silent < rule.agent_silent_s:
        return Wait(reason("ha.agent-silent", silent=silent, limit=rule.agent_silent_s))
    if ill.probed:
        return Wait(reason("ha.agent-probed", silent=silent))
    if ill.still_s is None:
        return Wait(reason("ha.agent-unmeasured", silent=silent))
    still = round(ill.still_s, 1)
    if still < rule.agent_quiet_s:
        return Wait(reason("ha.agent-busy", silent=silent, still=still, limit=rule.agent_quiet_s))
    if not ill.alone:
        return Wait(reason("ha.guests-silent"))
    if ill.resets >= rule.guest_resets:
        return Wait(reason("ha.guest-resets", count=ill.resets))
    return Reset(reason("ha.agent-hung", silent=silent, still=still))


_MAY_BE_WELL = frozenset(
    {"ha.agent-silent", "ha.agent-probed", "ha.agent-unmeasured", "ha.agent-busy"}
)


def ails(why: Reason) -> bool:
    """Return whether what is thought of a VM is trouble; a silent agent alone is none."""
    return why.code not in _MAY_BE_WELL


_TAKEN = frozenset({"ha.store-elsewhere", "ha.paused-again"})


def takes_away(step: Step) -> bool:
    """Return whether a step stops a VM for it to start elsewhere: it is to run all the same."""
    return isinstance(step.action, StopVm) and step.why.code in _TAKEN


def plan_mending(
    inventory: Inventory, ills: Iterable[tuple[Ill, Resume | TakeAway | Reset]]
) -> Plan:
    """Return the plan that does the same to some VMs, one step for each."""
    steps: list[Step] = []
    names: list[str] = []
    for ill, deed in ills:
        states = {VmState.PAUSED} if ill.trouble is Trouble.PAUSED else {VmState.RUNNING}
        if ill.trouble is Trouble.STORE:
            states = {VmState.RUNNING, VmState.PAUSED}
        valid = VmIs(vm=ill.vm, host=ill.host, states=frozenset(states))
        steps.append(
            Step(
                number=len(steps) + 1,
                action=_action(ill, deed),
                why=deed.why,
                valid_while=(valid,),
            )
        )
        names.append(inventory.vms[ill.vm].name)
    aim = reason("aim.mend", vms=tuple(names))
    return Plan(goal=say(aim), aim=aim, steps=tuple(steps), based_on=digest(inventory))


def _action(ill: Ill, deed: Resume | TakeAway | Reset) -> Action:
    match deed:
        case Resume():
            return ResumeVm(vm=ill.vm, host=ill.host)
        case TakeAway():
            return StopVm(vm=ill.vm, host=ill.host, how=StopHow.POWER_OFF)
        case Reset():
            return RestartVm(vm=ill.vm, host=ill.host, how=RestartHow.RESET)
