"""What to do next about a step that follows a failure: fence, start elsewhere, forget a copy."""

from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Memory, Wait
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import GONE, Copy, Seen, Sight
from anypool.model import HostId, HostState, Power, proves
from anypool.plan import FenceHost, ForgetCopy, Reason, RemoveCopy, StartAfterFailure, reason
from anypool.planner.ha.decide import is_about_host

OfFailure = FenceHost | StartAfterFailure | ForgetCopy | RemoveCopy
AGAIN_S = 30.0
"""A BMC that took the order to switch off and still says on for so long is told once more."""
_LIFE = frozenset({"ha.fresh-lease", "ha.lives"})
_DO = Act(Deed.PERFORM, None)
_KEEPS = frozenset({Copy.RUNNING, Copy.PAUSED, Copy.STOPPED})


def of_failure(
    action: OfFailure, sight: Sight, about: tuple[Memory, Times], *, acked: bool
) -> Decision:
    """Return what to do about such a step."""
    memory, times = about
    match action:
        case FenceHost():
            return _fence(action, sight, acked=acked)
        case StartAfterFailure():
            return _start(action, sight, memory, times)
        case ForgetCopy():
            return _forget(action, sight)
        case RemoveCopy():
            return _remove(action, sight)


def _fence(action: FenceHost, sight: Sight, *, acked: bool) -> Decision:
    """Switch off; done is what was read as off, whoever switched it."""
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if host.state is HostState.UP:
        return Fail(reason("ha.lives", host=host.name))
    if sight.power is Power.OFF:
        return Done()
    if sight.power is not Power.ON:
        return Wait(reason("ha.no-power-now", host=host.name))
    if sight.void is not None and sight.void.code in _LIFE and not acked:
        return Fail(sight.void)
    if acked:
        return Act(Deed.PERFORM, reason("run.not-off-yet", host=host.name), AGAIN_S)
    return _DO


def _start(action: StartAfterFailure, sight: Sight, memory: Memory, times: Times) -> Decision:
    here = sight.at(action.host)
    if here.copy is Copy.UNKNOWN:
        return Wait(reason("run.no-answer"))
    for seen in sight.elsewhere(action.host):
        if (against := _elsewhere(action, seen, sight)) is not None:
            return against
    if here.copy is Copy.RUNNING:
        return Done()
    if here.copy not in GONE:
        return Fail(reason("run.vm-is", copy=here.copy))
    if sight.open:
        return Fail(open_(sight))
    if sight.void is not None:
        wait = sight.void.code in ("ha.no-power-now", "ha.no-lease-now")
        return Wait(sight.void) if wait else Fail(sight.void)
    return Act(Deed.PERFORM, None, times.settle_s) if memory.sent else _DO


def _elsewhere(action: StartAfterFailure, seen: Seen, sight: Sight) -> Decision | None:
    """Return why a copy on another host forbids the start, None if it does not.

    One that nobody answers for does unless a proof speaks for its host.
    """
    name = _name(seen.host, sight)
    if seen.copy in GONE:
        return None
    if seen.copy is not Copy.UNKNOWN:
        return Fail(reason("run.elsewhere", host=name, copy=seen.copy))
    proofs = [one for one in (action.proof, *action.also) if is_about_host(one)]
    if any(proves(one, action.vm, seen.host) for one in proofs):
        return None
    return Fail(reason("ha.unproven", host=name))


def _forget(action: ForgetCopy, sight: Sight) -> Decision:
    """Forget a copy that was just seen stopped, while the VM was just seen to run elsewhere."""
    lives, here = sight.at(action.lives_on), sight.at(action.host)
    if Copy.UNKNOWN in (lives.copy, here.copy):
        return Wait(reason("run.no-answer"))
    if here.copy is Copy.ABSENT:
        return Done()
    if lives.copy is not Copy.RUNNING or here.copy is not Copy.STOPPED:
        copies = {seen.host: seen.copy for seen in (lives, here)}
        wrong = action.lives_on if lives.copy is not Copy.RUNNING else action.host
        return Fail(reason("run.elsewhere", host=_name(wrong, sight), copy=copies[wrong]))
    return _DO


def _remove(action: RemoveCopy, sight: Sight) -> Decision:
    """Forget a copy that was just seen stopped, while another was just seen that is left."""
    rest, here = sight.at(action.keeps), sight.at(action.host)
    if Copy.UNKNOWN in (rest.copy, here.copy):
        return Wait(reason("run.no-answer"))
    if here.copy is Copy.ABSENT:
        return Done()
    wrong = rest if rest.copy not in _KEEPS else here
    if wrong is rest or here.copy is not Copy.STOPPED:
        return Fail(reason("run.elsewhere", host=_name(wrong.host, sight), copy=wrong.copy))
    return _DO


def open_(sight: Sight) -> Reason:
    """Return which silent hosts must be proven not to run a VM that nobody saw end."""
    return reason("ha.may-run-on", hosts=tuple(_name(host, sight) for host in sight.open))


def _name(host: HostId, sight: Sight) -> str:
    known = sight.inventory.hosts.get(host)
    return host if known is None else known.name
