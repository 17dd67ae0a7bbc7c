"""Who owns a profile, written with the step that changes it.

A server owns it before the first byte is written there, and until its step that withdraws it
is done: so whoever reads the records never finds a profile free that may be in use.
"""

from anypool.engine.runs.state import RunNow, StepNow
from anypool.model import Means, Profile
from anypool.model.profile import Tenure
from anypool.plan import Action, ApplyProfile, WithdrawProfile
from anypool.store import Tx, facts, profiles
from anypool.store.records import StepState


def note(tx: Tx, run: RunNow, step: StepNow, action: Action) -> tuple[Profile, ...]:
    """Write what a step means to its profile, and return that as it is then.

    Raise `Conflict` where the profile is not free, or another one is on that server.
    """
    if isinstance(action, ApplyProfile) and step.state is StepState.BEGUN:
        kept = facts.profiles.get(tx, action.profile)
        if kept is None or (kept.server, kept.epoch) == (action.server, action.epoch):
            return ()
        profiles.own(tx, _tenure(run, action), action.means)
    elif isinstance(action, WithdrawProfile) and step.state is StepState.DONE:
        profiles.leave(tx, action.profile, action.server, _proof(action))
    else:
        return ()
    found = facts.profiles.get(tx, action.profile)
    return () if found is None else (found,)


def _tenure(run: RunNow, action: ApplyProfile) -> Tenure:
    names = dict(run.plan.names)
    return Tenure(
        profile=action.profile,
        epoch=action.epoch,
        server=action.server,
        server_name=names.get(action.server, action.server),
        by=run.record.by,
        plan=run.record.plan,
        began_at=0.0,
    )


def _proof(action: WithdrawProfile) -> str:
    """Return in a few words how it was known that the server is off, or the VM gone."""
    if action.stated is not None:
        return f"{action.stated.by} says that it is dead: {action.stated.words}"
    if action.means is Means.VM:
        return "it was stopped and deleted from its host"
    return "its power was read as off twice"
