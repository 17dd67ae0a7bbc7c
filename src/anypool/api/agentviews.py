"""What is known of the agents inside guests, as it is shown."""

from msgspec import Struct

from anypool.api.language import ReasonView, reason_view, told
from anypool.engine.ha.agents import AgentSight


class AgentView(Struct, frozen=True, kw_only=True):
    """The agent in a VM: `answers`, `silent`, `none` without a way to one, or `unknown`.

    `judged` says whether a policy asks for it; else it is unknown. `heard` is that it answered
    since the VM runs, `silent_s` for how long it was silent when it was asked at `asked_at`, null
    for never. `why` says why a silent one is left alone, or what is done.
    """

    state: str
    judged: bool
    heard: bool
    asked_at: float | None
    silent_s: float
    why: str
    reason: ReasonView | None


def agent_view(sight: AgentSight) -> AgentView:
    """Return what is known of an agent as it is shown."""
    return AgentView(
        state=sight.state,
        judged=sight.judged,
        heard=sight.heard,
        asked_at=sight.asked_at or None,
        silent_s=round(sight.silent_s, 1),
        why="" if sight.why is None else told(sight.why),
        reason=None if sight.why is None else reason_view(sight.why),
    )
