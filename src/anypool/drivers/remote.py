"""Drivers at arm's length: every call goes to a worker process, and ends by its deadline.

An endpoint that does not answer in time is quarantined alone: its next call waits for
a pause that doubles, then gets a worker of its own. The worker it shared takes no new
calls, finishes those of its neighbours and is killed; a fresh one has taken its place.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from msgspec import Raw
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.drivers import observing
from anypool.drivers.delta import Received, received
from anypool.drivers.lent import Lender, Nobody
from anypool.drivers.limits import USUAL, Limits
from anypool.drivers.process import Pending, WorkerProcess
from anypool.drivers.protocol import Driver
from anypool.drivers.wire import (
    ENCODER,
    SIGNATURES,
    Answer,
    Failure,
    Mandate,
    Open,
    Reply,
    WireError,
    no_answer,
    raise_failure,
)
from anypool.errors import AnypoolError, Busy, Denied, OutcomeUnknown, UnderWay, Unreachable
from anypool.model import Endpoint, EndpointHealth, EndpointId, EndpointState

_LARGE = frozenset({"observe", "measure"})
"""Answers that are unpacked one at a time: many at once would leave no turn to who is served."""
_POWER = frozenset({"power", "power_on_host", "power_off_host", "force_off_host"})
"""What is done to a host that hangs; an endpoint that rests because it hangs is asked for it."""


class Seat:
    """What the pool knows of one endpoint; changed under the pool's lock.

    `met` is the last epoch in which one of our own workers got an answer there.
    """

    def __init__(self, order: Open, calls: int) -> None:
        self.order = order
        self.slots = threading.BoundedSemaphore(calls)
        self.health = EndpointHealth(id=order.endpoint.id)
        self.worker: WorkerProcess | None = None
        self.slot = 0
        self.own = False
        self.strikes = 0
        self.overruns = 0
        self.paused_until = 0.0
        self.blamed_at = 0.0
        self.replaced = False
        self.received: Received | None = None
        self.met = -1

    @property
    def name(self) -> str:
        """Return what people know the endpoint by."""
        return self.order.endpoint.uri


class WorkerPool:
    """Some workers that many endpoints share, and the drivers that speak through them.

    `lent` is asked first for looks that another manager may do.
    """

    def __init__(
        self, workers: int, clock: Clock, *, limits: Limits = USUAL, log: Path | None = None
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._log = log
        self._lock = threading.RLock()
        self._seats: dict[EndpointId, Seat] = {}
        self._shared: list[WorkerProcess | None] = [None] * workers
        self._alive: set[WorkerProcess] = set()
        self._generation = 0
        self._closed = False
        self._mandate: Mandate | None = None
        self.lent: Lender = Nobody()
        self._unpacking = threading.Lock()
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="worker-spawn")

    def obey(self, mandate: Mandate) -> None:
        """Do deeds for this mandate only, also in the workers that are there already."""
        with self._lock:
            self._mandate = mandate
            for worker in self._alive:
                worker.tell(mandate)

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        """Return a driver for an endpoint; nothing is sent before its first call."""
        driver = RemoteDriver(self, self._seat(endpoint, secret))
        return observing.guarded(endpoint, cast(Driver, driver))

    def _seat(self, endpoint: Endpoint, secret: str) -> Seat:
        with self._lock:
            seat = self._seats.get(endpoint.id)
            if seat and (seat.order.endpoint, seat.order.secret) == (endpoint, secret):
                return seat
            if seat:
                seat.replaced = True
            self.forget(endpoint.id)
            self._generation += 1
            key = f"{endpoint.id}#{self._generation}"
            seat = Seat(Open(key=key, endpoint=endpoint, secret=secret), self._limits.calls)
            seat.slot = self._emptiest()
            self._seats[endpoint.id] = seat
            return seat

    def forget(self, endpoint: EndpointId) -> None:
        """Give an endpoint's connection back; harmless when there is none."""
        with self._lock:
            seat = self._seats.pop(endpoint, None)
            if seat is None or seat.worker is None:
                return
            if seat.own:
                seat.worker.retire()
            else:
                seat.worker.close_connection(seat.order.key)

    def health(self, endpoint: EndpointId) -> EndpointHealth:
        """Return how the conversation with an endpoint goes; NEW for one never called."""
        with self._lock:
            seat = self._seats.get(endpoint)
            return seat.health if seat else EndpointHealth(id=endpoint)

    def workers(self) -> tuple[int, ...]:
        """Return the process ids of the workers that run."""
        with self._lock:
            return tuple(sorted(worker.pid for worker in self._alive))

    def close(self) -> None:
        """End all workers; calls under way get no answer. Harmless when repeated."""
        with self._lock:
            self._closed = True
        self.pause()
        self._spawner.shutdown()

    def pause(self) -> None:
        """End all workers, and their mandate: nothing is under way in them when this returns.

        Drivers that were given out are of no use any more; those asked for later are new ones.
        """
        with self._lock:
            for seat in self._seats.values():
                seat.replaced = True
            self._seats.clear()
            if self._mandate is not None:
                self._mandate = replace(self._mandate, until=0.0)
            alive = tuple(self._alive)
        for worker in alive:
            worker.retired = True
            worker.kill()
        for worker in alive:
            worker.join()

    def call(self, seat: Seat, operation: str, arguments: tuple[object, ...]) -> Any:
        """Do an operation on an endpoint and return its result, or raise by its deadline.

        A driver whose endpoint was changed since is of no use any more: what may be done
        there may have changed too.
        """
        if seat.order.endpoint.observe_only and operation not in observing.LOOKS:
            raise observing.refused(seat.order.endpoint, operation)
        if not seat.slots.acquire(blocking=False):
            raise Busy(
                f"{seat.name} has {self._limits.calls} calls to answer first",
                hint="try again in a moment",
            )
        try:
            encoded = Raw(ENCODER.encode(arguments))
            base = seat.received if operation == "observe" else None
            told = encoded, "" if base is None else base.name
            limit_s = self._limits.deadline_s(operation, arguments)
            epoch = 0 if self._mandate is None else self._mandate.epoch
            met = seat.met == epoch and not seat.own  # the first word of a reign is our own
            if met and (base is not None or operation != "observe"):
                reply = self.lent.ask(seat.order.endpoint, operation, told, limit_s)
                if reply is not None:
                    result = self._result(seat, operation, reply, base)
                    if base is None or self._is_same(seat, base):
                        return result
                    seat.received = base
            reply = self._answer(seat, operation, told, limit_s)
            if isinstance(reply, Answer):
                seat.met = epoch
            return self._result(seat, operation, reply, base)
        finally:
            seat.slots.release()

    def _is_same(self, seat: Seat, base: Received) -> bool:
        """Return whether another manager read the hosts that we read there before."""
        now = base if seat.received is None else seat.received
        same = now.tables["hosts"].keys() == base.tables["hosts"].keys()
        return self.lent.judge(seat.order.endpoint, same=same)

    def relay(
        self, endpoint: Endpoint, secret: str, operation: str, told: tuple[Raw, str]
    ) -> Reply:
        """Do a look for another manager, and return the answer as it came; errors as `call`."""
        limit_s = self._limits.deadline_s(operation, SIGNATURES[operation].arguments(told[0]))
        return self._answer(self._seat(endpoint, secret), operation, told, limit_s)

    def _answer(self, seat: Seat, operation: str, told: tuple[Raw, str], limit_s: float) -> Reply:
        """Have one of our workers answer; raise what it means if it does not."""
        worker = self._worker(seat, operation)
        epoch = 0 if self._mandate is None else self._mandate.epoch
        pending = worker.ask(seat.order, operation, told[0], since=told[1], epoch=epoch)
        if not self._clock.wait(pending.done, limit_s) and not pending.done.is_set():
            raise self._overrun(seat, worker, pending, limit_s)
        if pending.reply is None:
            self._died(seat, worker, pending)
            raise no_answer(operation, pending.sent, "its worker ended")
        return pending.reply

    def _worker(self, seat: Seat, operation: str) -> WorkerProcess:
        with self._lock:
            if self._closed:
                raise no_answer(operation, False, "the manager is ending")
            if seat.replaced:
                raise no_answer(operation, False, f"{seat.name} was changed meanwhile")
            now = self._clock.monotonic()
            if now < seat.paused_until and operation not in _POWER:
                left = seat.paused_until - now
                raise no_answer(operation, False, f"{seat.name} rests for {left:.0f} s more")
            self._end_probation(seat, now)
            if seat.worker is None or not seat.worker.usable:
                seat.worker = self._own(operation) if seat.own else self._share(seat.slot)
            return seat.worker

    def _share(self, slot: int) -> WorkerProcess:
        worker = self._shared[slot]
        if worker is None or not worker.usable:
            worker = self._shared[slot] = self._spawn()
        return worker

    def _own(self, operation: str) -> WorkerProcess:
        own = [w for w in self._alive if w.usable and w not in self._shared]
        if len(own) >= self._limits.own_workers:
            raise no_answer(operation, False, "too many endpoints are on trial at once")
        return self._spawn()

    def _spawn(self) -> WorkerProcess:
        make: Callable[[], WorkerProcess] = lambda: WorkerProcess(  # noqa: E731
            self._limits.frame_bytes, self._log, self._ended
        )
        worker = self._spawner.submit(make).result()
        if self._mandate is not None:
            worker.tell(self._mandate)
        self._alive.add(worker)
        return worker

    def _ended(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._alive.discard(worker)

    def _end_probation(self, seat: Seat, now: float) -> None:
        blamed_long_ago = now - seat.blamed_at > self._limits.probation_s
        if seat.own and blamed_long_ago and seat.health.state is EndpointState.CONNECTED:
            if seat.worker is not None:
                seat.worker.retire()
            seat.own, seat.worker = False, None
            seat.overruns = seat.strikes = 0

    def _emptiest(self) -> int:
        count = [0] * len(self._shared)
        for seat in self._seats.values():
            count[seat.slot] += 1
        return count.index(min(count))

    def _overrun(
        self, seat: Seat, worker: WorkerProcess, pending: Pending, limit_s: float
    ) -> AnypoolError:
        why = f"{seat.name} gave no answer within {limit_s:g} s"
        with self._lock:
            if worker.usable:
                self._quarantine(seat, why)
                worker.abandon(seat.order.key)
                worker.retire()
        sent = worker.give_up(pending)
        return no_answer(pending.operation, sent, why)

    def _quarantine(self, seat: Seat, why: str) -> None:
        seat.overruns += 1
        pause = self._limits.pause_s * 2.0 ** (seat.overruns - 1)
        seat.blamed_at = self._clock.monotonic()
        seat.paused_until = seat.blamed_at + min(pause, self._limits.pause_max_s)
        seat.own, seat.worker = True, None
        self._note(seat, EndpointState.QUARANTINED, why)

    def _result(self, seat: Seat, operation: str, reply: Reply, base: Received | None) -> Any:
        try:
            if isinstance(reply, Failure):
                raise_failure(reply)
            if operation in _LARGE:
                with self._unpacking:
                    result = self._unpacked(seat, operation, reply.result, base)
            else:
                result = SIGNATURES[operation].result(reply.result)
        except WireError as error:
            raise no_answer(operation, True, f"wrong answer: {error}") from error
        except (Unreachable, Denied) as error:
            self._note(seat, EndpointState.UNREACHABLE, error.message)
            raise
        except UnderWay:
            self._note(seat, EndpointState.CONNECTED, "")
            raise
        except OutcomeUnknown:
            raise
        except Exception:
            self._note(seat, EndpointState.CONNECTED, "")
            raise
        self._note(seat, EndpointState.CONNECTED, "")
        return result

    @staticmethod
    def _unpacked(seat: Seat, operation: str, body: Raw, base: Received | None) -> Any:
        if operation != "observe":
            return SIGNATURES[operation].result(body)
        seat.received = received(body, base)
        return seat.received.frame()

    def _died(self, seat: Seat, worker: WorkerProcess, pending: Pending) -> None:
        """Hold a worker's sudden end against those it was working for, the second time."""
        with self._lock:
            if worker.retired or pending.operation == "changes" or not pending.sent:
                return
            seat.blamed_at = self._clock.monotonic()
            if seat.own:
                self._quarantine(seat, "its worker ended again and again")
                return
            seat.strikes += 1
            if seat.strikes > 1:
                seat.own, seat.worker = True, None

    def _note(self, seat: Seat, state: EndpointState, message: str) -> None:
        with self._lock:
            if state is EndpointState.CONNECTED and self._clock.monotonic() < seat.paused_until:
                return  # whose power was asked for meanwhile still hangs
            now = self._clock.now()
            old = seat.health
            if state is EndpointState.UNREACHABLE and old.state is EndpointState.QUARANTINED:
                state = EndpointState.QUARANTINED
            seen = now if state is EndpointState.CONNECTED else old.seen_at
            since = old.since if old.state is state else now
            seat.health = replace(old, state=state, message=message, since=since, seen_at=seen)


class RemoteDriver:
    """A `Driver` whose every operation is a call to the pool; made by `WorkerPool.driver`."""

    def __init__(self, pool: WorkerPool, seat: Seat) -> None:
        self._pool = pool
        self._seat = seat

    def close(self) -> None:
        """Give the connection back."""
        self._pool.forget(self._seat.order.endpoint.id)


def _operation(name: str) -> Callable[..., Any]:
    def operation(self: RemoteDriver, *given: object, **named: object) -> Any:
        arguments = SIGNATURES[name].pack(given, named)
        return self._pool.call(self._seat, name, arguments)

    operation.__name__ = name
    operation.__doc__ = getattr(Driver, name).__doc__
    return operation


for _name in SIGNATURES:
    setattr(RemoteDriver, _name, _operation(_name))
