"""What a boot host is to serve, and how that differs from what it serves: pure."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from anypool.model import Inventory, Means, Profile, ProfileId, ServerId
from anypool.model.boothost import BootEntry, BootHost
from anypool.model.profile import boots_there, mark_of


class Amiss(StrEnum):
    """How an entry of a boot host is not as the profile says.

    `MISSING`: a server bears the profile and cannot boot as it. `STALE`: the profile left that
    server. `CHANGED`: it is to boot something else from its next start on. `STRANGE`: nothing
    is known of that profile here; it is told and left alone.
    """

    MISSING = "missing"
    STALE = "stale"
    CHANGED = "changed"
    STRANGE = "strange"


class Difference(Struct, frozen=True, kw_only=True, gc=False):
    """One entry that is not as it is to be."""

    what: Amiss
    profile: ProfileId
    server: ServerId
    epoch: int


def borne_in(inventory: Inventory, pool: str) -> Iterator[Profile]:
    """Yield the profiles that servers or VMs of a pool bear and boot from its boot host."""
    for profile in inventory.profiles.values():
        if profile.vm is not None:
            if profile.pool == pool and boots_there(profile):
                yield profile
            continue
        server = None if profile.server is None else inventory.servers.get(profile.server)
        if server is None or server.pool != pool:
            continue
        if profile.means is Means.NETBOOT or boots_there(profile):
            yield profile


def differences(inventory: Inventory, pool: str, host: BootHost) -> tuple[Difference, ...]:
    """Return all that a boot host serves otherwise than the profiles say, by profile."""
    there = {entry.profile: entry for entry in host.entries}
    found = [one for entry in host.entries if (one := _of_entry(inventory, entry)) is not None]
    for profile in borne_in(inventory, pool):
        if profile.id not in there and profile.server is not None:
            found.append(_amiss(Amiss.MISSING, profile.id, profile.server, profile.epoch))
    return tuple(sorted(found, key=lambda one: (one.profile, one.what)))


def _of_entry(inventory: Inventory, entry: BootEntry) -> Difference | None:
    profile = inventory.profiles.get(entry.profile)
    about = (entry.profile, entry.server, entry.epoch)
    if profile is None:
        return _amiss(Amiss.STRANGE, *about)
    if entry.mark != mark_of(profile.id, profile.epoch) or entry.server != profile.server:
        return _amiss(Amiss.STALE, *about)
    wanted = (profile.image, profile.script, profile.ip)
    if wanted != (entry.image, entry.script, entry.ip):
        return _amiss(Amiss.CHANGED, *about)
    return None


def _amiss(what: Amiss, profile: ProfileId, server: ServerId, epoch: int) -> Difference:
    return Difference(what=what, profile=profile, server=server, epoch=epoch)
