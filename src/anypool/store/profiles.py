"""Profiles, their addresses, and who had them: what is written together is one transaction."""

from collections.abc import Iterable

from sqlalchemy import delete, select, update

from anypool.errors import Conflict
from anypool.model import Means, ProfileId, ServerId
from anypool.model.address import Address, AddressKind, AddressState
from anypool.model.profile import Tenure
from anypool.store.profile_tables import addresses, profiles, tenures
from anypool.store.tx import Tx, from_row, to_row


def book(tx: Tx, kind: AddressKind | None = None) -> tuple[Address, ...]:
    """Return all addresses that are reserved or rest, by kind and address."""
    query = select(addresses).order_by(addresses.c.kind, addresses.c.address)
    if kind is not None:
        query = query.where(addresses.c.kind == kind)
    return tuple(from_row(row, Address) for row in tx.rows(query))


def reserve(tx: Tx, some: Iterable[Address]) -> None:
    """Write addresses into the book; raise `Conflict` if one is in it already."""
    for one in some:
        tx.add(addresses, to_row(one))


def release(tx: Tx, profile: ProfileId, gone: Iterable[str], rest_s: float) -> None:
    """Let addresses of a profile rest, so that nobody has them before the last one forgot them."""
    for text in gone:
        mine = (addresses.c.profile == profile) & (addresses.c.address == text)
        rests = {"state": AddressState.RESTING, "since": tx.now, "until": tx.now + rest_s}
        tx.run(update(addresses).where(mine).values(**rests))


def forget_rested(tx: Tx) -> int:
    """Take out of the book what has rested long enough; return how many that were."""
    over = (addresses.c.state == AddressState.RESTING) & (addresses.c.until <= tx.now)
    return tx.run(delete(addresses).where(over))


def own(tx: Tx, tenure: Tenure, means: Means) -> None:
    """Let a server own a profile from now on; raise `Conflict` where another one does.

    The profile must be free, and the epoch the next one: whoever planned it with less is late.
    """
    free = (
        (profiles.c.id == tenure.profile)
        & profiles.c.server.is_(None)
        & (profiles.c.epoch == tenure.epoch - 1)
    )
    mine = {"server": tenure.server, "epoch": tenure.epoch, "means": means}
    if tx.run(update(profiles).where(free).values(**mine)) != 1:
        hint = "`anypool profile show` says who has it; plan again"
        raise Conflict(f"profile {tenure.profile} is not free for {tenure.server_name}", hint=hint)
    row = to_row(tenure)
    tx.add(tenures, {**row, "began_at": tx.now})


def leave(tx: Tx, profile: ProfileId, server: ServerId, proof: str) -> None:
    """Take a profile from its server, for the reason that `proof` says it is off."""
    mine = (profiles.c.id == profile) & (profiles.c.server == server)
    tx.run(update(profiles).where(mine).values(server=None, means=None))
    lasts = (tenures.c.profile == profile) & (tenures.c.server == server)
    lasts &= tenures.c.ended_at == 0.0
    tx.run(update(tenures).where(lasts).values(ended_at=tx.now, proof=proof))


def history(tx: Tx, profile: ProfileId) -> tuple[Tenure, ...]:
    """Return which servers had a profile, the latest first."""
    query = select(tenures).where(tenures.c.profile == profile).order_by(tenures.c.epoch.desc())
    return tuple(from_row(row, Tenure) for row in tx.rows(query))
