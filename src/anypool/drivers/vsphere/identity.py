"""Which VM is which: from vCenter's names and UUIDs to our ids; pure.

| what happens | vCenter's name (MoRef) | instanceUuid | our id |
|---|---|---|---|
| vMotion, storage vMotion, rename | same | same | same |
| unregistered and registered again | new | same | same |
| vCenter restored, or made anew over the same hosts | new | same | same |
| moved to another vCenter | new | same | same |
| cloned, deployed from a template | new | new | new |
| files copied and registered, one vCenter | new | new: vCenter sees the conflict | new |
| the id copied all the same, by hand or by a tool | new | that of another VM | derived; twins |
| inaccessible: its configuration cannot be read | same | none | as before |
| no configuration since the connection began | same | none | derived |
| somebody gave it another instanceUuid | same | another | another; told |

The UUID that the guest sees (`config.uuid`, of its BIOS) is no part of this: clones share it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from anypool.model import VmId

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGITS = re.compile(r"\d+")


class Seen(NamedTuple):
    """What vCenter says a VM is: its name for it, and the instanceUuid, "" for none."""

    moid: str
    instance_uuid: str


class Identities(NamedTuple):
    """Our ids by vCenter's names, and for each VM that shares its UUID the ids of the others."""

    ids: dict[str, VmId]
    twins: dict[VmId, tuple[VmId, ...]]


def identities(
    seen: Iterable[Seen], before: Mapping[str, VmId], derived: Callable[[str], VmId]
) -> Identities:
    """Return who is who; `before` is who was who in this connection, by vCenter's names.

    Of several VMs with one UUID it stays with the one that had it, or else with the one that
    vCenter has known longest. The others get ids derived from vCenter's names for them.
    """
    bearers: dict[VmId, list[str]] = {}
    for one in seen:
        own = usable(one.instance_uuid)
        claimed = own or before.get(one.moid) or derived(one.moid)
        bearers.setdefault(claimed, []).append(one.moid)
    ids: dict[str, VmId] = {}
    twins: dict[VmId, tuple[VmId, ...]] = {}
    for uuid, moids in bearers.items():
        first, *others = sorted(moids, key=lambda moid: (before.get(moid) != uuid, _age(moid)))
        ids[first] = uuid
        ids |= {moid: derived(moid) for moid in others}
        if others:
            group = sorted(ids[moid] for moid in moids)
            twins |= {key: tuple(one for one in group if one != key) for key in group}
    return Identities(ids, twins)


def usable(instance_uuid: str) -> VmId | None:
    """Return a UUID that can tell VMs apart as our id, None for what is none."""
    plain = instance_uuid.strip().lower()
    if not _UUID.fullmatch(plain) or set(plain) <= {"0", "-"} or set(plain) <= {"f", "-"}:
        return None
    return VmId(plain)


def _age(moid: str) -> tuple[int, str]:
    """Return what sorts vCenter's names by when they were given: their numbers grow."""
    number = _DIGITS.search(moid)
    return (int(number[0]) if number else 0, moid)
