"""Plans, actions and inventories as bytes: equal values give equal bytes.

Every stored action bears the version of its record beside its type. Whoever gives a
record another field, or another meaning, enters its number in `_RAISED`: an older
release then refuses to run such an action instead of overlooking what it does not know.
The files in `tests/golden` keep what was once stored decodable for ever.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec

from anypool.errors import Invalid
from anypool.model import Inventory, VmId
from anypool.plan.action import Action, MigrateVm
from anypool.plan.plan import Plan

FORMAT = 5
"""Of the envelope; 1 had no versions in its actions, which all were of version 1.

Before 3 a plan did not say what was overruled, before 4 not what energy it takes and how
near it is to the best possible, before 5 not which bookings it redeems.
"""

_RAISED: Mapping[str, int] = {"create-vm": 2, "verify-server": 2}
"""Types whose record has changed since it was first released, with the version of now."""

VERSIONS: Mapping[str, int] = {
    **{str(kind.__struct_config__.tag): 1 for kind in get_args(Action)},
    **_RAISED,
}
"""The version of each action that this release writes, by its type."""

_FORMATS = frozenset({1, 2, 3, 4, FORMAT})

_encoder = msgspec.json.Encoder(order="deterministic")


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    type: str = ""
    version: int = 1
    vm: object = None


class _StepHead(msgspec.Struct, frozen=True, kw_only=True):
    action: _Head = _Head()


class _PlanHead(msgspec.Struct, frozen=True, kw_only=True):
    steps: tuple[_StepHead, ...] = ()


class _Heads(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    plan: _PlanHead


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    plan: Plan


_heads = msgspec.json.Decoder(_Heads)
_decoder = msgspec.json.Decoder(_Stored)
_action: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
_action_head = msgspec.json.Decoder(_Head)


def encode_plan(plan: Plan) -> bytes:
    """Return JSON with a format number and a version in each action; sets are sorted."""
    body = msgspec.to_builtins(plan, order="deterministic")
    for step in body["steps"]:
        step["action"] = _versioned(step["action"])
    return _encoder.encode({"format": FORMAT, "plan": body})


def decode_plan(data: bytes) -> Plan:
    """Return the plan; raise `Invalid` for anything this release does not know."""
    try:
        heads = _heads.decode(data)
        strange = sorted(set(_strange(heads)))
        if heads.format not in _FORMATS:
            known = f"this release knows {FORMAT}"
            raise Invalid(f"stored plan has format {heads.format}, {known}", hint=_HINT)
        if strange:
            names = ", ".join(strange[:5])
            raise Invalid(f"stored plan not understood: unknown action {names}", hint=_HINT)
        return _decoder.decode(data).plan
    except msgspec.DecodeError as error:
        raise Invalid(f"stored plan not understood: {error}", hint=_HINT) from error


def encode_action(action: Action) -> bytes:
    """Return one action as JSON, as it lies in a stored plan."""
    return _encoder.encode(_versioned(msgspec.to_builtins(action, order="deterministic")))


def decode_action(data: bytes) -> Action:
    """Return the action; raise `Invalid` for one this release does not know."""
    try:
        head = _action_head.decode(data)
        if not knows(head.type, head.version):
            raise Invalid(f"unknown action {named_action(head.type, head.version)}", hint=_HINT)
        return _action.decode(data)
    except msgspec.DecodeError as error:
        raise Invalid(f"stored action not understood: {error}", hint=_HINT) from error


def unknown_actions(data: bytes) -> tuple[str, ...]:
    """Return the actions in a stored plan that this release does not know, by name.

    A plan that cannot be read at all has the one name "?".
    """
    try:
        heads = _heads.decode(data)
    except msgspec.DecodeError:
        return ("?",)
    return tuple(sorted(set(_strange(heads))))


def moves_in(data: bytes) -> tuple[tuple[int, VmId], ...]:
    """Return the migrations in a stored plan of any release: numbers of steps, and VMs."""
    try:
        heads = _heads.decode(data)
    except msgspec.DecodeError:
        return ()
    kind = str(MigrateVm.__struct_config__.tag)
    steps = enumerate((step.action for step in heads.plan.steps), 1)
    return tuple((number, VmId(str(head.vm))) for number, head in steps if head.type == kind)


def knows(kind: str, version: int) -> bool:
    """Return whether this release can carry out that version of an action."""
    return 1 <= version <= VERSIONS.get(kind, 0)


def named_action(kind: str, version: int) -> str:
    """Return how an action is called that is not known, such as `fly` or `migrate-vm (v3)`."""
    return kind if version == 1 else f"{kind} (v{version})"


def encode_inventory(inventory: Inventory) -> bytes:
    """Return JSON of hosts, VMs, datastores, networks, images, and of servers and profiles."""
    parts = {
        name: list(getattr(inventory, name).values())
        for name in ("hosts", "vms", "datastores", "networks", "images")
    }
    for name in ("servers", "profiles"):
        some = list(getattr(inventory, name).values())
        parts |= {name: some} if some else {}
    return _encoder.encode(parts)


_HINT = "it was stored by another release; it can be looked at but not run"


def _versioned(action: dict[str, Any]) -> dict[str, Any]:
    return {**action, "version": VERSIONS[action["type"]]}


def _strange(heads: _Heads) -> Iterator[str]:
    for step in heads.plan.steps:
        if not knows(step.action.type, step.action.version):
            yield named_action(step.action.type, step.action.version)
