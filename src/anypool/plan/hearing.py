"""The codes of reasons about what BMCs tell by themselves, with their facts."""

from anypool.plan.kinds import Kind, R, T

_ABOUT = (
    *("trap.link", "trap.login", "trap.power", "trap.health", "trap.temperature", "trap.fan"),
    *("trap.supply", "trap.voltage", "trap.battery", "trap.processor", "trap.memory"),
    *("trap.disk", "trap.other"),
)
_STATES = (
    *("trap.state-failed", "trap.state-critical", "trap.state-degraded", "trap.state-good"),
    *("trap.state-added", "trap.state-removed", "trap.state-told"),
)

CODES: dict[str, dict[str, Kind]] = {
    "trap.by": {"name": T, "said": R},
    "trap.said": {"what": R, "text": T},
    "trap.unread": {},
    "trap.start": {"text": T},
    "trap.many": {},
    "trap.stranger": {"address": T, "why": T},
    **{about: {"state": R} for about in _ABOUT},
    **{state: {} for state in _STATES},
}
