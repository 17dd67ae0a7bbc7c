"""A stored plan as far as any release can show it: what is not known keeps its name."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from anypool.errors import Invalid
from anypool.model import HostId, VmId
from anypool.plan.action import Action
from anypool.plan.codec import decode_action, named_action
from anypool.plan.plan import Cost
from anypool.plan.reason import Reason, reason
from anypool.plan.render import Names, tell

T = TypeVar("T")


class OutlinedStep(Struct, frozen=True, kw_only=True, gc=False):
    """A step as it was stored; `action` is raw, `unknown` names it where nobody here knows it."""

    number: int
    action: dict[str, Any]
    tells: Reason
    why: Reason | None = None
    after: tuple[int, ...] = ()
    cost: Cost = Cost()
    unknown: str = ""


def outline(data: bytes) -> tuple[OutlinedStep, ...]:
    """Return the steps of a stored plan; none where it is not even JSON of the usual form."""
    try:
        plan = msgspec.json.decode(data)["plan"]
        names = dict(plan.get("names", ()))
        return tuple(_step(step, number, names) for number, step in enumerate(plan["steps"], 1))
    except (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError):
        return ()


def _step(raw: dict[str, Any], number: int, names: dict[str, str]) -> OutlinedStep:
    action = raw.get("action")
    action = action if isinstance(action, dict) else {"type": str(action)}
    known, unknown = _known(action)
    return OutlinedStep(
        number=number,
        action=action,
        tells=tell(known, _names(names)) if known is not None else _strange(unknown, action),
        why=_converted(raw.get("why"), Reason),
        after=tuple(one for one in raw.get("after", ()) if isinstance(one, int)),
        cost=_converted(raw.get("cost"), Cost) or Cost(),
        unknown=unknown,
    )


def _known(action: dict[str, Any]) -> tuple[Action | None, str]:
    """Return the action, or None and what it is called."""
    version = action.get("version", 1)
    try:
        return decode_action(msgspec.json.encode(action)), ""
    except Invalid:
        return None, named_action(str(action.get("type", "?")), version) or "?"


def _strange(name: str, action: dict[str, Any]) -> Reason:
    facts = ", ".join(
        f"{key}={msgspec.json.encode(value).decode()}"
        for key, value in sorted(action.items())
        if key not in ("type", "version")
    )
    return reason("step.unknown", action=name, facts=facts)


def _names(names: dict[str, str]) -> Names:
    def name(key: VmId | HostId) -> str:
        return names.get(key, key)

    return name


def _converted(raw: object, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        return None
