"""What plans that bring profiles to servers, or take them away, have in common: pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from anypool.model import Condition, Inventory, Means, Power, Profile, Server, ServerId, Stated
from anypool.plan import (
    Action,
    ApplyProfile,
    PowerOnServer,
    Reason,
    Step,
    VerifyServer,
    WithdrawProfile,
    reason,
)
from anypool.plan.plan import Condition as Assumption
from anypool.planner.profiles.fitness import means_of


class Steps:
    """Steps with numbers; `last` is that of the newest, 0 if there is none."""

    def __init__(self) -> None:
        self.made: list[Step] = []

    @property
    def last(self) -> int:
        """Return the number of the newest step, 0 if there is none."""
        return len(self.made)

    def add(self, action: Action, why: Reason, *after: int) -> int:
        """Add a step that waits for others, 0 for none; return its number."""
        number = len(self.made) + 1
        waits = frozenset(one for one in after if one)
        self.made.append(Step(number=number, action=action, why=why, after=waits))
        return number

    def holds(self, *conditions: Assumption) -> None:
        """Say what must still hold when the newest step begins."""
        self.made[-1] = replace(self.made[-1], valid_while=conditions)


def leaving(name: str, stated: Stated | None) -> Reason:
    """Return why a profile may leave a server: that is seen off, or a person says it is dead."""
    if stated is None:
        return reason("bear.leaves-off-only", server=name)
    return reason("bear.said-dead", server=name, who=stated.by, words=stated.words)


def withdrawal(profile: Profile, server: ServerId, stated: Stated | None) -> WithdrawProfile:
    """Return what takes a profile from its server."""
    return WithdrawProfile(
        profile=profile.id,
        server=server,
        epoch=profile.epoch,
        means=profile.means or Means.ADDRESSES,
        stated=stated,
    )


def bring(
    steps: Steps,
    profile: Profile,
    server: Server,
    whys: tuple[Reason, Reason],
    after: tuple[int, ...],
) -> int:
    """Add what writes a profile into a server that is off, starts it and sees that it works.

    `whys` say why that server, and why it is started. Whatever brought it there, it works once
    the profile's probe answers, where it has one. Return the last number.
    """
    means = means_of(profile, server)
    assert means is not None
    epoch = profile.epoch + 1
    written = ApplyProfile(profile=profile.id, server=server.id, epoch=epoch, means=means)
    number = steps.add(written, whys[0], *after)
    boot = "Pxe" if means is Means.NETBOOT else ""
    number = steps.add(PowerOnServer(server=server.id, boot=boot), whys[1], number)
    seen = VerifyServer(server=server.id, profile=profile.id, epoch=epoch, probe=profile.probe)
    return steps.add(seen, reason("bear.seen", profile=profile.name), number)


def rank(inventory: Inventory, profile: Profile, server: Server) -> Iterator[int | str]:
    """Yield what orders servers that fit: written addresses, health, then the least too large.

    One in another chassis than the server that has it now is better: that may be what failed.
    """
    old = None if profile.server is None else inventory.servers.get(profile.server)
    yield means_of(profile, server) is not Means.ADDRESSES
    yield server.health is not Condition.OK
    yield old is not None and bool(old.chassis) and old.chassis == server.chassis
    yield server.power is not Power.OFF
    yield server.memory_mib
    yield server.cpus
    yield len(server.ports)
    yield server.id
