"""Profiles as they are kept, and the book of their addresses: one change at a time.

An address is given once: it is in no VM, on no server, in no other profile, and not one that
was given back a while ago. The book's primary key holds that, whoever else writes.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from msgspec.structs import replace

from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.errors import Busy, Conflict, NotFound
from anypool.model import Profile, ProfileId
from anypool.model.address import (
    Address,
    AddressKind,
    AddressRange,
    AddressState,
    number_of,
    overlap,
    text_of,
)
from anypool.model.profile import Identity, Tenure
from anypool.plan import Action, ApplyProfile, AttachNic, CreateVm, WithdrawProfile
from anypool.planner.profiles import addressing
from anypool.store import Store, Tx, events, facts
from anypool.store import profiles as records
from anypool.store.records import EventRecord

SAID = 5
"""Addresses that an error names one by one."""

Ranges = tuple[str, str]
"""Names of the ranges that MACs and WWNs are taken from, "" for any with room."""


class Profiles:
    """All profiles; `pending` is what running plans will do, `rest_s` how long an address rests."""

    def __init__(self, store: Store, seen: tuple[Observer, Board], rest_s: float) -> None:
        self._store = store
        self._observer, self._board = seen
        self._rest_s = rest_s
        self._changing = threading.Lock()
        self.pending: Callable[[], tuple[Action, ...]] = tuple

    def ranges(self) -> tuple[AddressRange, ...]:
        """Return all ranges by name."""
        with self._store.reading() as tx:
            return facts.address_ranges.all(tx)

    def book(self) -> tuple[Address, ...]:
        """Return all addresses that are reserved or rest, by kind and address."""
        with self._store.reading() as tx:
            return records.book(tx)

    def history(self, key: ProfileId) -> tuple[Tenure, ...]:
        """Return which servers had a profile, the latest first."""
        with self._store.reading() as tx:
            return records.history(tx, key)

    def add_range(self, made: AddressRange, by: str) -> None:
        """Keep a new range; raise `Conflict` where it overlaps one, or its name is taken."""
        with self._changing, self._store.writing() as tx:
            for other in facts.address_ranges.all(tx):
                if other.id == made.id:
                    raise Conflict(
                        f"there is a range {made.id} already", hint="choose another name"
                    )
                if other.kind is made.kind and overlap(other.bounds, made.bounds):
                    hint = f"it goes from {other.first} to {other.last}"
                    raise Conflict(f"the range overlaps {other.id}", hint=hint)
            facts.address_ranges.put(tx, made)
            said = f"range {made.id} added: {made.first} to {made.last}"
            events.append(tx, _event("address-range.added", ("address-range", made.id), said, by))
        self._board.tell((Notice("event"),))

    def remove_range(self, name: str, by: str) -> None:
        """Forget a range of which no address is in use, reserved or resting.

        Raise `NotFound`, or `Conflict` that says which address is held by whom.
        """
        with self._changing, self._store.writing() as tx:
            found = facts.address_ranges.get(tx, name)
            if found is None:
                hint = "`anypool address-range list` shows them"
                raise NotFound(f"there is no range {name}", hint=hint)
            records.forget_rested(tx)
            coming = _coming(found.kind, self.pending())
            held = addressing.held(found, records.book(tx), self._observer.inventory)
            first, last = found.bounds
            for number in sorted(one for one in coming if first <= one <= last):
                held.setdefault(text_of(found.kind, number), "in use soon, by a running operation")
            if held:
                raise _still_held(found, held)
            facts.address_ranges.delete(tx, name)
            said = f"range {name} removed: {found.first} to {found.last}"
            events.append(tx, _event("address-range.removed", ("address-range", name), said, by))
        self._board.tell((Notice("event"),))

    def add(self, profile: Profile, ranges: Ranges, by: str) -> Profile:
        """Keep a new profile and give addresses to its ports.

        Raise `Conflict` if its name is taken, and where the ranges have no address left: nothing
        is kept then.
        """
        with self._changing, self._store.writing() as tx:
            if any(one.name == profile.name for one in facts.profiles.all(tx)):
                hint = "choose another name"
                raise Conflict(f"there is a profile {profile.name} already", hint=hint)
            self._check_slot(tx, profile)
            made = self._addressed(tx, profile, ranges)
            facts.profiles.put(tx, made)
            events.append(tx, _told("profile.added", made, "added", by))
        self._show((made,))
        return made

    def change(
        self, key: ProfileId, by: str, ranges: Ranges, how: Callable[[Profile], Profile]
    ) -> Profile:
        """Keep a profile as `how` makes it; new ports get addresses, those of old ones rest.

        Raise `Conflict` for a change of the identity while a server bears it.
        """
        with self._changing, self._store.writing() as tx:
            before = _kept(tx, key)
            after = how(before)
            if _fixed(after) != _fixed(before):
                self._check_free(before, "changed")
            self._check_slot(tx, after)
            made = self._addressed(tx, after, ranges)
            gone = (set(before.addresses) | {before.initiator}) - {""}
            gone -= {*made.addresses, made.initiator}
            records.release(tx, key, sorted(gone), self._rest_s)
            facts.profiles.put(tx, made)
            events.append(tx, _told("profile.changed", made, "changed", by))
        self._show((made,))
        return made

    def remove(self, key: ProfileId, by: str) -> Profile:
        """Forget a profile, whose addresses rest from then on; `Conflict` while it is borne."""
        with self._changing, self._store.writing() as tx:
            found = _kept(tx, key)
            self._check_free(found, "deleted")
            gone = [one for one in (*found.addresses, found.initiator) if one]
            records.release(tx, key, gone, self._rest_s)
            facts.profiles.delete(tx, key)
            events.append(tx, _told("profile.removed", found, "removed", by))
        self._observer.change(partial(Picture.put_profiles, changes={key: None}))
        self._board.tell((Notice("event"),))
        return found

    def check_address(self, mac: str) -> None:
        """Raise `Conflict` where a MAC that somebody wants for a VM is a profile's, or rests."""
        with self._store.reading() as tx:
            found = [one for one in records.book(tx, AddressKind.MAC) if one.address == mac]
        for one in found:
            hint = "`anypool address-range show` says whose each address is; choose another"
            raise Conflict(f"{mac} is {one.state} ({one.use} of a profile)", hint=hint)

    def _check_slot(self, tx: Tx, profile: Profile) -> None:
        for other in facts.profiles.all(tx):
            if profile.slot and other.slot == profile.slot and other.id != profile.id:
                hint = f"take it from there: `anypool profile edit {other.name} --slot ''`"
                raise Conflict(f"{other.name} is planned for {profile.slot}", hint=hint)

    def _check_free(self, profile: Profile, what: str) -> None:
        if profile.server is not None:
            known = self._observer.inventory.servers.get(profile.server)
            name = profile.server if known is None else known.name
            hint = f"take it away first: `anypool profile unassign {profile.name}`"
            raise Conflict(f"{name} bears {profile.name}, so it cannot be {what}", hint=hint)
        for action in self.pending():
            if isinstance(action, ApplyProfile | WithdrawProfile) and action.profile == profile.id:
                raise Busy(f"a run works with {profile.name}", hint="wait for it or cancel it")

    def _addressed(self, tx: Tx, profile: Profile, ranges: Ranges) -> Profile:
        """Return a profile whose ports all have addresses, those that are new in the book."""
        records.forget_rested(tx)
        pending = self.pending()  # first: what ends now is in one of both, or in both
        inventory = self._observer.inventory
        known = facts.address_ranges.all(tx)
        book = records.book(tx)
        givers = {}
        for kind, name in zip((AddressKind.MAC, AddressKind.WWN), ranges, strict=True):
            live = addressing.live(kind, inventory) | _coming(kind, pending)
            live |= {number_of(kind, one.address) for one in book if one.kind is kind}
            some = tuple(one for one in known if one.kind is kind and name in ("", one.id))
            givers[kind] = addressing.Giver(kind, some, live, _rest(book, kind), name)
        made, given = addressing.filled(profile, givers)
        new = [replace(one, profile=made.id, since=tx.now) for one in given]
        if made.initiator and not _has(book, made):
            new.append(_initiator(made, tx.now))
        records.reserve(tx, new)
        return made

    def _show(self, some: Iterable[Profile]) -> None:
        changes: dict[ProfileId, Profile | None] = {one.id: one for one in some}
        self._observer.change(partial(Picture.put_profiles, changes=changes))
        self._board.tell((Notice("event"),))


def _still_held(found: AddressRange, held: dict[str, str]) -> Conflict:
    """Return why a range cannot be removed: the first addresses of it that are not free."""
    told = "; ".join(f"{text} ({why})" for text, why in list(held.items())[:SAID])
    more = f", and {len(held) - SAID} more" if len(held) > SAID else ""
    hint = f"`anypool address-range show {found.id}` says whose each is and until when others rest"
    return Conflict(f"the range {found.id} is not free: {told}{more}", hint=hint)


def _fixed(profile: Profile) -> Identity:
    """Return what cannot be changed while a server bears it; its image can, for the next start."""
    return replace(profile.identity(0), image="")


def _has(book: Iterable[Address], profile: Profile) -> bool:
    """Return whether the name of the initiator is in the book; raise `Conflict` if as another's."""
    for one in book:
        if one.kind is AddressKind.IQN and one.address == profile.initiator:
            if one.profile == profile.id and one.state is AddressState.RESERVED:
                return True
            hint = "an initiator is one server's alone; choose another name"
            raise Conflict(f"{profile.initiator} is {one.state} for another profile", hint=hint)
    return False


def _initiator(profile: Profile, now: float) -> Address:
    return Address(
        kind=AddressKind.IQN,
        address=profile.initiator,
        state=AddressState.RESERVED,
        profile=profile.id,
        use="initiator",
        since=now,
    )


def _rest(book: Iterable[Address], kind: AddressKind) -> float:
    """Return when the first address that rests is free again, 0 if none rests."""
    return min((one.until for one in book if one.kind is kind and one.until), default=0.0)


def _coming(kind: AddressKind, pending: Iterable[Action]) -> set[int]:
    """Return the MACs that running plans are going to give to VMs."""
    if kind is not AddressKind.MAC:
        return set()
    macs: list[str] = []
    for action in pending:
        if isinstance(action, CreateVm):
            macs += [nic.mac for nic in action.wish.nics]
        elif isinstance(action, AttachNic):
            macs.append(action.nic.mac)
    return {number_of(kind, mac) for mac in macs if mac}


def _kept(tx: Tx, key: ProfileId) -> Profile:
    found = facts.profiles.get(tx, key)
    if found is None:
        raise NotFound(f"there is no profile {key}", hint="`anypool profile list` shows them")
    return found


def _event(kind: str, subject: tuple[str, str], message: str, by: str) -> EventRecord:
    noun, key = subject
    return EventRecord(kind=kind, message=message, subject_kind=noun, subject_id=key, by=by)


def _told(kind: str, profile: Profile, what: str, by: str) -> EventRecord:
    return _event(kind, ("profile", profile.id), f"profile {profile.name} {what}", by)
