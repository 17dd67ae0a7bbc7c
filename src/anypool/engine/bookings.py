"""Bookings: room that is kept on hosts for VMs to come, and that nothing else is given.

Whoever books while others are at it waits for them, and what gathers meanwhile is decided
one after the other and committed together: one fsync for all. Each is answered after the
commit. What running plans are still going to do counts as done, and bookings count for
every planner as `Host.booked_mib`.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Protocol
from uuid import uuid4

from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.engine.policies import Policies
from anypool.engine.pools import Pools
from anypool.engine.records.keeping import Keeping
from anypool.engine.runs.admission import with_pending
from anypool.engine.runs.runner import Runner
from anypool.errors import (
    AnypoolError,
    Busy,
    Conflict,
    NoPlan,
    NotFound,
    OutcomeUnknown,
    StoreFailed,
)
from anypool.model import Booking, BookingId, HostId, Inventory, Vm
from anypool.plan import Redeemed
from anypool.planner.ledger import ledger_of
from anypool.planner.operate import no_place
from anypool.planner.place import Wanted, choose
from anypool.planner.rules import Rulebook
from anypool.store import Store, act, bookings
from anypool.store.trail import trail_each

EXPIRE_EVERY_S = 5.0


class _Asked:
    """One that waits for room: what for, and what came of it."""

    def __init__(self, vm: Vm, for_s: float, by: str) -> None:
        self.vm = vm
        self.for_s = for_s
        self.by = by
        self.act = act.current()
        self.request = act.request()
        self.made: Booking | None = None
        self.error: AnypoolError | None = None
        self.full: tuple[Inventory, Rulebook] | None = None
        self.woken = threading.Event()

    @property
    def answered(self) -> bool:
        """Say whether anything came of it."""
        return self.made is not None or self.error is not None or self.full is not None

    def answer(self) -> Booking:
        """Return what came of it, or raise why nothing did.

        The words for a pool without room are made here, on the thread of whoever wants them.
        """
        if self.full is not None:
            raise _no_room(self.vm, *self.full)
        if self.error is not None:
            raise self.error
        assert self.made is not None
        return self.made


class Pool(Protocol):
    """The engine, as far as bookings need it."""

    pools: Pools
    policies: Policies
    keeping: Keeping

    @property
    def inventory(self) -> Inventory:
        """Return what is known now."""
        ...

    def must_lead(self) -> None:
        """Raise `Busy` if this manager does not lead."""
        ...


class Bookings:
    """Makes, ends and shows bookings; every method may be called from any thread."""

    def __init__(self, store: Store, observer: Observer, runner: Runner, pool: Pool) -> None:
        self._store = store
        self._observer = observer
        self._runner = runner
        self._pool = pool
        pool.keeping.more.append(("bookings", self.expire))
        self._queue: list[_Asked] = []
        self._served = False
        self._queued = threading.Lock()
        self._turn = threading.Lock()

    def all(self) -> tuple[Booking, ...]:
        """Return all bookings, oldest first."""
        with self._store.reading() as tx:
            return bookings.all_(tx)

    def get(self, key: BookingId) -> Booking:
        """Return a booking; raise `NotFound`."""
        with self._store.reading() as tx:
            found = bookings.get(tx, key)
        if found is None:
            raise _unknown(key)
        return found

    def find(self, key: str) -> Booking:
        """Return a booking by its id, or by the name of the VM to come; raise as `find.vm` does."""
        some = [one for one in self.all() if key in (one.id, one.name)]
        if len(some) > 1:
            ids = ", ".join(one.id for one in some[:5])
            raise Conflict(f"{len(some)} bookings are for {key}", hint=f"use an id: {ids}")
        if not some:
            raise _unknown(BookingId(key))
        return some[0]

    def make(self, vm: Vm, by: str, for_s: float) -> Booking:
        """Keep room on the best host for a VM that is only wished for, for so many seconds.

        It is stored once this returns. Raise `NoPlan` with each host's reason if none can
        take it, and what `Store.writing` raises.
        """
        self._pool.must_lead()
        asked = _Asked(vm, for_s, by)
        with self._queued:
            self._queue.append(asked)
            serves, self._served = not self._served, True
        if not serves:
            asked.woken.wait()
        if not asked.answered:
            self._serve()
        return asked.answer()

    def drop(self, key: BookingId, by: str) -> Booking:
        """End a booking before its time; raise `NotFound`."""
        self._pool.must_lead()
        with self._turn:
            with self._store.writing() as tx:
                found = bookings.drop(tx, key, by)
            if found is None:
                raise _unknown(key)
            self._show((found,), -1)
        return found

    def show_redeemed(self, taken: Iterable[Redeemed]) -> None:
        """Let everybody see that room is no longer kept, once a run that takes it is known."""
        more: Counter[HostId] = Counter()
        for one in taken:
            more[one.host] -= one.memory_mib
        if more:
            self._observer.change(partial(Picture.book, more_mib=more))

    def expire(self) -> float:
        """End the bookings whose time is over, if we lead; return when to ask again, in s."""
        with suppress(Busy):
            self._pool.must_lead()
            self._expire()
        return EXPIRE_EVERY_S

    def _expire(self) -> None:
        with self._turn:
            with self._store.reading() as tx:
                over = bookings.ended(tx) > 0
            if over:
                with self._store.writing() as tx:
                    found = bookings.drop_ended(tx)
                self._show(found, -1)

    def _serve(self) -> None:
        """Answer all that wait, the caller among them; then the next that waits serves.

        Each is woken once, so that whoever was answered is not in line with those who wait.
        """
        waiting: list[_Asked] = []
        try:
            with self._turn:
                with self._queued:
                    waiting, self._queue = self._queue, []
                self._answer(waiting)
        finally:
            with self._queued:
                following = self._queue[:1]
                self._served = bool(following)
            for one in (*following, *waiting):
                one.woken.set()

    def _answer(self, waiting: list[_Asked]) -> None:
        try:
            with self._pool.pools.admitting:
                self._book(waiting)
        except AnypoolError as error:
            _refuse(waiting, error)
        finally:
            _refuse(waiting, StoreFailed("room could not be booked", hint="see the log"))

    def _book(self, waiting: list[_Asked]) -> None:
        chosen = self._choose(waiting)
        if not chosen:
            return
        made: list[tuple[_Asked, Booking]] = []
        try:
            with self._store.writing() as tx:
                made += [(one, _booking(one, host, tx.now)) for one, host in chosen]
                bookings.add(tx, [booking for _, booking in made])
                trail_each(tx, [(one.act, one.request, bookings.told(b)) for one, b in made])
        except OutcomeUnknown:
            made = self._stored(made)
        self._show((booking for _, booking in made), 1)
        for one, booking in made:
            one.made = booking

    def _choose(self, waiting: list[_Asked]) -> list[tuple[_Asked, HostId]]:
        """Return a host for each that gets one, in turn; note for the others that none has room."""
        pending = self._runner.pending()  # first: what ends now is in one of both, or in both
        world = with_pending(self._pool.inventory, pending)
        rules, chosen = self._pool.policies.rulebook(world), []
        with ledger_of(world, rules) as ledger:
            for one in waiting:
                host = ledger.best(one.vm)
                if host is None:
                    one.full = (ledger.inventory(), rules)
                    continue
                ledger.give(host, one.vm.memory_mib)
                chosen.append((one, host))
        return chosen

    def _stored(self, made: list[tuple[_Asked, Booking]]) -> list[tuple[_Asked, Booking]]:
        """Return which of some bookings are in the database, after an answer was lost."""
        try:
            with self._store.reading() as tx:
                return [(one, booking) for one, booking in made if bookings.get(tx, booking.id)]
        except AnypoolError:
            self._show((booking for _, booking in made), 1)  # until we are started anew
            raise

    def _show(self, some: Iterable[Booking], sign: int) -> None:
        """Let everybody see that so much more memory is kept, or less."""
        more: Counter[HostId] = Counter()
        for one in some:
            more[one.host] += sign * one.memory_mib
        self._observer.change(partial(Picture.book, more_mib=more))


def _booking(one: _Asked, host: HostId, now: float) -> Booking:
    return Booking(
        id=BookingId(f"booking-{uuid4().hex[:12]}"),
        name=one.vm.name,
        host=host,
        memory_mib=one.vm.memory_mib,
        vcpus=one.vm.vcpus,
        by=one.by,
        made_at=now,
        until=now + one.for_s,
    )


def _refuse(waiting: list[_Asked], error: AnypoolError) -> None:
    for one in waiting:
        if not one.answered:
            one.error = error


def _no_room(vm: Vm, world: Inventory, rules: Rulebook) -> NoPlan:
    wanted = Wanted(rules=rules.joined_by((vm,), world.with_vm(vm)))
    return no_place(world, vm, choose(world, vm, wanted))


def _unknown(key: BookingId) -> NotFound:
    return NotFound(f"there is no booking {key[:80]!r}", hint="`anypool booking list` shows them")
