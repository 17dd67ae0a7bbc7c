"""Keeping one lease: claimed, renewed, lost, and claimed again in a next life."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from anypool.warden import sector
from anypool.warden.config import NEVER, Told
from anypool.warden.record import LEASE_PREFIX, Incarnation, Lease
from anypool.warden.sector import Torn
from anypool.warden.watching import QUIET_RENEWALS, Watcher

Clock = Callable[[], float]


class Keeping:
    """The lease of this host on one datastore.

    `turn` talks to the storage and may hang, so it has a thread of its own; everything else
    answers at once. The time of a renewal is when it was begun: a reader sees it later.
    """

    def __init__(self, folder: str, lease: Lease, clock: Clock) -> None:
        """`lease` says who and how; its epoch and sequence are found out when it is claimed."""
        self.folder = folder
        self._path = os.path.join(folder, f"{LEASE_PREFIX}{lease.host}")
        self._clock = clock
        self._lock = threading.Lock()
        self._lease = lease
        self._watcher = Watcher()
        self._renewed_at = -float("inf")
        self._ended = True
        self._lived = False
        self._problem = ""
        self.inhabited: Callable[[], bool] = lambda: False
        """Whether VMs run here that an earlier process of this life may have let start."""

    @property
    def lease(self) -> Lease:
        """The lease as it was last written."""
        with self._lock:
            return self._lease

    def resume(self, me: Incarnation, renewed_at: float) -> None:
        """Go on in the life that an earlier process of this boot had, from its last renewal."""
        with self._lock:
            if (me.host, me.boot) == (self._lease.host, self._lease.boot):
                self._lease = replace(self._lease, epoch=me.epoch)
                self._renewed_at, self._ended, self._lived = renewed_at, False, True

    def promise(self, kind: str, identity: str, timeout_s: float) -> None:
        """Write with the next renewal what the watchdog was read back to be."""
        with self._lock:
            self._lease = replace(
                self._lease, watchdog=kind, identity=identity, watchdog_s=timeout_s
            )

    def held(self) -> bool:
        """Whether it is held, by this host's own clock."""
        with self._lock:
            return not self._ended and not self._is_late()

    def lost(self) -> bool:
        """Whether it was held and is no more: what it allowed must end."""
        with self._lock:
            return not self._ended and self._is_late()

    def forbids(self) -> bool:
        """Whether nothing may use it: it was lost, and no next life has begun."""
        with self._lock:
            return self._lived and (self._ended or self._is_late())

    def ended(self) -> None:
        """Note that all that it allowed has ended; the next renewal begins another life."""
        with self._lock:
            self._ended = True

    def turn(self) -> None:
        """Renew it, and read those of others; what fails is kept as `problem`."""
        try:
            self._renew()
            self._look_around()
            self._problem = ""
        except (OSError, Torn) as problem:
            self._problem = str(problem)

    def told(self) -> Told:
        """How it stands, for the hook and for people."""
        with self._lock:
            seen = (self._watcher.of(host) for host in self._watcher.hosts())
            return Told(
                folder=self.folder,
                me=self._lease.incarnation,
                renewed_at=NEVER if self._ended else self._renewed_at,
                limit_s=self._lease.limit_s,
                seen=tuple(one for one in seen if one is not None),
                problem=self._problem,
            )

    def _is_late(self) -> bool:
        return self._clock() - self._renewed_at >= self._lease.limit_s

    def _renew(self) -> None:
        begun = self._clock()
        with self._lock:
            if not self._ended and self._is_late():
                return  # what runs must end first
            claims, lease = self._ended, self._lease
        if claims:
            lease = self._next_life(lease)
        else:
            there = self._mine(lease)
            lease = replace(lease, sequence=max(lease.sequence, there.sequence) + 1)
        sector.overwrite(self._path, lease.encoded())
        if Lease.decoded(sector.read(self._path)) != lease:
            raise Torn("the lease reads otherwise than it was written")
        with self._lock:
            late = self._clock() - begun >= lease.limit_s
            if late or (not claims and self._is_late()):
                return
            self._lease = replace(
                self._lease, epoch=lease.epoch, boot=lease.boot, sequence=lease.sequence
            )
            self._renewed_at, self._ended, self._lived = begun, False, True

    def _next_life(self, lease: Lease) -> Lease:
        """Return the lease to claim with, its file made if it is not there; raise `OSError`.

        A warden that knows of no life of its own, and finds VMs and a lease of this boot, goes
        on in that life: what runs must not look as if it had ended.
        """
        before = None
        try:
            before = Lease.decoded(sector.read(self._path))
        except FileNotFoundError:
            sector.create(self._path, lease.encoded())
        except Torn:
            pass  # ours alone to write; what stood there is not known
        if before is not None and before.boot != lease.boot:
            self._check_left(before)
        epoch = max(lease.epoch, before.epoch if before is not None else 0)
        goes_on = before is not None and before.boot == lease.boot and self.inhabited()
        epoch += 0 if goes_on else 1
        sequence = max(lease.sequence, before.sequence if before is not None else 0) + 1
        return replace(lease, epoch=epoch, sequence=sequence)

    def _check_left(self, before: Lease) -> None:
        """Raise `Torn` until a lease of another boot was seen to be renewed no more."""
        seen = self._watcher.see(before, self._clock())
        if seen.unchanged_s() < QUIET_RENEWALS * before.renew_s:
            raise Torn(f"waiting to see that no other warden renews it (boot {before.boot[:8]})")

    def _mine(self, lease: Lease) -> Lease:
        """Return what stands there; raise `Torn` if another process writes this lease."""
        there = Lease.decoded(sector.read(self._path))
        if there.incarnation != lease.incarnation:
            raise Torn(f"another warden writes this lease: {there.name} in epoch {there.epoch}")
        return there

    def _look_around(self) -> None:
        mine = self._lease.host
        there = set()
        for name in sorted(os.listdir(self.folder)):
            host = name[len(LEASE_PREFIX) :]
            if not name.startswith(LEASE_PREFIX) or name.endswith(".making") or host == mine:
                continue
            there.add(host)
            try:
                seen = Lease.decoded(sector.read(os.path.join(self.folder, name)))
            except (OSError, Torn):
                with self._lock:
                    self._watcher.lose(host)
                continue
            with self._lock:
                if seen.host == host:
                    self._watcher.see(seen, self._clock())
        with self._lock:
            for host in set(self._watcher.hosts()) - there:
                self._watcher.lose(host)

    def forget(self) -> None:
        """Take the lease's file away; for an uninstall, when nothing runs by it."""
        with suppress(OSError):
            os.unlink(self._path)
