"""The warden at work: renews, watches, feeds the watchdog, and ends VMs when it must."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace

from anypool.warden import granting
from anypool.warden import guests as tables
from anypool.warden.config import NEVER, STATE, Config, Misconfigured, read_state, write_state
from anypool.warden.deciding import HeldElsewhere, Here, here_of, is_ours, take
from anypool.warden.guests import Guest
from anypool.warden.holdings import Holdings, Refused, Unreadable
from anypool.warden.keeping import Clock, Keeping
from anypool.warden.record import HARDWARE, Incarnation, Lease
from anypool.warden.tidying import Tidying
from anypool.warden.watchdog import Armed, Watchdog

TICK_S = 0.5


class Warden:
    """All leases of this host. `tick` never touches the storage, so it is never held up."""

    def __init__(
        self, config: Config, boot: str, clock: Clock, watchdog: Watchdog, state: str = STATE
    ) -> None:
        self._config = config
        self._clock = clock
        self._watchdog = watchdog
        self._state = state
        self._armed: Armed | None = None
        self._stopping = threading.Event()
        self._failed: Exception | None = None
        self._leaving = self._given_up = False
        self._settled: dict[str, set[Guest]] = {}
        self._adopted: dict[str, Incarnation] = {}
        self.look: Callable[[], tuple[Guest, ...]] = tables.guests
        self.uses: Callable[[Guest, str], bool] = tables.uses
        self.end: Callable[[tuple[Guest, ...]], None] = tables.end
        lease = Lease(
            host=config.host,
            boot=boot,
            epoch=0,
            sequence=0,
            name=config.name,
            renew_s=config.renew_s,
            limit_s=config.limit_s,
        )
        self.keepings = tuple(
            Keeping(folder, lease, clock) for folder in sorted(config.datastores.values())
        )
        for keeping in self.keepings:
            keeping.inhabited = lambda folder=keeping.folder: bool(self._users(folder))  # type: ignore[misc]
        self._remember()

    def run(self) -> None:
        """Work until told to `leave`, then `stop`.

        Raise what ended the renewal of a lease unforeseen, for systemd to start it again.
        """
        threads = [
            threading.Thread(target=self._keep, args=(one,), daemon=True) for one in self.keepings
        ]
        for thread in threads:
            thread.start()
        while not self._stopping.wait(TICK_S) and not self._leaving:
            if self._failed is not None:
                raise self._failed
            self.tick()
        self.stop()

    def leave(self) -> None:
        """Let `run` end; safe wherever a signal comes."""
        self._leaving = True

    def stop(self) -> None:
        """Renew no more. The watchdog stops only if no VM is left: else the host is reset.

        The hook is told before, and then it is looked again: a VM that it let start until then
        would run unguarded.
        """
        self._stopping.set()
        if self.look():
            return
        self._given_up = True
        self._tell()
        if not self.look():
            with suppress(OSError):
                self._watchdog.disarm()

    def tick(self) -> None:
        """End what a lost lease allowed, feed the watchdog if it may be, tell how it stands."""
        forbidden = [one for one in self.keepings if one.forbids()]
        here = self.look() if forbidden else ()
        for keeping in forbidden:
            users = tuple(guest for guest in here if self.uses(guest, keeping.folder))
            if users:
                _say(f"the lease in {keeping.folder} is lost: ending {len(users)} VMs")
                self.end(users)
            elif keeping.lost():
                keeping.ended()
        self._feed()
        self._tell()

    def _tell(self) -> None:
        """Let the hook know how the leases stand: not held, if they were given up."""
        told = tuple(one.told() for one in self.keepings)
        if self._given_up:
            told = tuple(replace(one, renewed_at=NEVER) for one in told)
        armed = asdict(self._armed) if self._armed is not None else {}
        write_state(told, armed, self._state)

    def _feed(self) -> None:
        """Feed while every lease is held, or nothing at all runs here: then nothing can harm."""
        held = all(one.held() for one in self.keepings)
        if self._armed is None and not held:
            return
        if not held and self.look():
            return
        try:
            if self._armed is None:
                self._arm()
            self._watchdog.feed()
        except OSError as problem:
            _say(f"the watchdog cannot be fed: {problem}")

    def _arm(self) -> None:
        try:
            self._armed = self._watchdog.arm()
        except OSError as problem:
            _say(f"there is no watchdog: {problem}")
            self._armed = Armed(identity=str(problem))
            self._watchdog = Watchdog()
        for keeping in self.keepings:
            keeping.promise(self._armed.kind, self._armed.identity, self._armed.timeout_s)
        if self._armed.kind != HARDWARE:
            _say(f"the watchdog is {self._armed.kind}: that the lease ran out proves nothing")

    def _keep(self, keeping: Keeping) -> None:
        """Renew one lease for ever."""
        tidying = Tidying(Holdings(keeping.folder))
        try:
            while not self._stopping.is_set():
                self.turn(keeping)
                if keeping.held():
                    self._tidy(tidying, keeping.folder)
                self._stopping.wait(self._config.renew_s)
        except Exception as problem:  # noqa: BLE001 - `run` raises it
            self._failed = problem

    def turn(self, keeping: Keeping) -> None:
        """Renew one lease, and see to it that what runs by it is this host's."""
        keeping.turn()
        if keeping.held():
            self.adopt(keeping)

    def _tidy(self, tidying: Tidying, folder: str) -> None:
        try:
            count = tidying.turn(self._clock())
        except (OSError, Unreadable) as problem:
            _say(f"old records in {folder} cannot be looked through: {problem}")
            return
        if count:
            _say(f"{count} records in {folder} were forgotten: nobody held them for long")

    def adopt(self, keeping: Keeping) -> None:
        """Hold what runs here since before a life began, and what the hook let start in an earlier.

        A storage that hangs may hold up a start for so long that its lease is lost and claimed
        again before there is a process. If another host has taken the VM meanwhile, it is ended.
        """
        told = keeping.told()
        here = here_of(told, self._clock)
        begins = self._adopted.get(told.folder) != told.me
        settled = self._settled.setdefault(told.folder, set())
        there = tuple(guest for guest in self.look() if guest.vm)
        settled.intersection_update(() if begins else there)
        left = False
        for guest in there:
            if guest in settled:
                continue
            granted = granting.is_noted(self._state, guest.vm, told.folder)
            if (begins or granted) and self.uses(guest, told.folder):
                if self._settle(guest, here, Holdings(told.folder), granted=granted):
                    settled.add(guest)
                else:
                    left = True
        if not left:
            self._adopted[told.folder] = told.me

    def _settle(self, guest: Guest, here: Here, holdings: Holdings, *, granted: bool) -> bool:
        """Hold one VM that runs here, or end it; return False if that is to be tried again.

        What the hook did not allow by this lease has no disk there, and is not ended.
        """
        try:
            if not is_ours(holdings, guest.vm, here.me):
                take(holdings, guest.vm, here)
        except HeldElsewhere as problem:
            _say(f"VM {guest.vm} runs here and is not this host's: {problem}")
            if granted:
                self.end((guest,))
            return not granted
        except Refused as problem:
            _say(f"VM {guest.vm} runs here and is not held: {problem}")
            return False
        return True

    def _users(self, folder: str) -> tuple[Guest, ...]:
        return tuple(one for one in self.look() if one.vm and self.uses(one, folder))

    def _remember(self) -> None:
        """Go on where an earlier process of this boot was."""
        try:
            told, _ = read_state(self._state)
        except Misconfigured:
            return
        for keeping in self.keepings:
            for one in told:
                if one.folder == keeping.folder and one.renewed_at > 0:
                    keeping.resume(one.me, one.renewed_at)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
