"""Which servers are covered: whose profile would find a spare if they failed now. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from anypool.model import Inventory, Profile, ProfileId, ServerId
from anypool.plan import Reason
from anypool.planner.profiles.failover import Found, find_spares
from anypool.planner.rules import NO_RULES, Rulebook


class Cover(Struct, frozen=True, kw_only=True):
    """A server that bears a profile, with the spares for that, the best first.

    `together` is the one it would have if all covered servers of its pool failed at once, None
    if others would take them all.
    """

    profile: Profile
    server: ServerId
    found: Found
    together: ServerId | None = None

    @property
    def covered(self) -> bool:
        """Whether one spare at least would take over."""
        return bool(self.found.spares)

    @property
    def refused(self) -> tuple[tuple[str, Reason], ...]:
        """Why each other server is none, by name."""
        return tuple((server.name, why) for server, why in self.found.refused)


def coverage(inventory: Inventory, rules: Rulebook = NO_RULES) -> tuple[Cover, ...]:
    """Return how far each server that bears a profile is covered, by the profiles' names."""
    borne = sorted(
        (one for one in inventory.profiles.values() if one.machine is not None),
        key=lambda one: (one.name, one.id),
    )
    found = {one.id: find_spares(inventory, one, rules) for one in borne}
    able = {key: tuple(spare.server.id for spare in one.spares) for key, one in found.items()}
    pairs = _paired(able)
    return tuple(
        Cover(
            profile=one,
            server=one.machine,
            found=found[one.id],
            together=pairs.get(one.id),
        )
        for one in borne
        if one.machine is not None
    )


def _paired(able: Mapping[ProfileId, tuple[ServerId, ...]]) -> dict[ProfileId, ServerId]:
    """Return a spare of its own for as many profiles as possible."""
    taken: dict[ServerId, ProfileId] = {}

    def give(key: ProfileId, tried: set[ServerId]) -> bool:
        for spare in able[key]:
            if spare in tried:
                continue
            tried.add(spare)
            if spare not in taken or give(taken[spare], tried):
                taken[spare] = key
                return True
        return False

    for key in sorted(able):
        give(key, set())
    return {key: spare for spare, key in taken.items()}
