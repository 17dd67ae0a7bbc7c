"""The health of services: probes asked now and then, on a few threads, never waited for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.knock import knock
from anypool.engine.observing.services import Services, found, places
from anypool.model import Component, Health, Inventory, Probe, ProbeKind, Service, Vm, VmState
from anypool.model.service import profile_of, state_of
from anypool.plan import reason, say
from anypool.store import Store, events
from anypool.store.records import EventRecord, Severity

ROUND_S = 1.0
_THREADS = 8

Key = tuple[str, str, str]
"""A service, a component, and a VM of it as it is declared."""


class Pulse(Struct, frozen=True, gc=False):
    """What is known of one VM: `missed` answers in a row, and when to ask again, in ticks.

    `good_at` is when it answered last, None if it did not since it runs.
    """

    health: Health = Health.UNKNOWN
    missed: int = 0
    due: float = 0.0
    asking: bool = False
    good_at: float | None = None


class Healths:
    """Asks the probes of all services; `leads` says whether to, `submit` runs one question."""

    def __init__(
        self,
        services: Services,
        store: Store,
        board: Board,
        clock: Clock,
        *,
        leads: Callable[[], bool],
    ) -> None:
        self._store = store
        self._services = services
        self._board = board
        self._clock = clock
        self._leads = leads
        self._lock = threading.Lock()
        self._pulses: dict[Key, Pulse] = {}
        self._threads: ThreadPoolExecutor | None = None
        self.submit: Callable[[Callable[[], None]], object] = self._on_thread
        self.knock: Callable[[Probe, str], str] = knock

    def of(self, service: Service, component: Component, name: str) -> Health:
        """Return the health of a VM as it is declared."""
        if component.probe.kind is ProbeKind.NONE:
            return Health.UNPROBED
        with self._lock:
            pulse = self._pulses.get((service.id, component.name, name))
        return Health.UNKNOWN if pulse is None else pulse.health

    def silence(self, service: Service, component: Component, name: str) -> float | None:
        """Return for how many seconds a VM has not answered that did; 0 while it answers.

        None for one that never answered since it runs: nobody knows what its silence means.
        """
        with self._lock:
            pulse = self._pulses.get((str(service.id), component.name, name))
        if pulse is None or pulse.good_at is None:
            return None
        return self._clock.monotonic() - pulse.good_at if pulse.missed else 0.0

    def round(self) -> float:
        """Ask what is due to be asked; return the seconds until the next round."""
        if self._leads():
            self._round(self._board.inventory)
        return ROUND_S

    def close(self) -> None:
        """Ask no more; answers that are on their way are dropped."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _round(self, inventory: Inventory) -> None:
        asked = [
            one for one in places(self._services.all()) if one[1].probe.kind is not ProbeKind.NONE
        ]
        vms = found(frozenset(name for _, _, name in asked), inventory)
        now, keys = self._clock.monotonic(), set[Key]()
        for service, component, name in asked:
            key = (str(service.id), component.name, name)
            keys.add(key)
            called = _running(component, vms.get(name), inventory)
            if called is None:
                self._put(key, Pulse(), name, "")
                continue
            with self._lock:
                pulse = self._pulses.get(key, Pulse())
                if pulse.asking or now < pulse.due:
                    continue
                self._pulses[key] = replace(pulse, asking=True)
            self.submit(partial(self._ask, key, component.probe, called))
        with self._lock:
            self._pulses = {key: one for key, one in self._pulses.items() if key in keys}

    def _ask(self, key: Key, probe: Probe, name: str) -> None:
        why = self.knock(probe, name)
        with self._lock:
            pulse = self._pulses.get(key)
        if pulse is None or not pulse.asking:
            return  # it stopped, or is not declared any more
        missed = pulse.missed + 1 if why else 0
        health = Health.HEALTHY if not why else pulse.health
        if missed >= probe.threshold:
            health = Health.UNHEALTHY
        now = self._clock.monotonic()
        good_at = pulse.good_at if why else now
        due = now + probe.interval_s
        self._put(key, Pulse(health, missed, due, good_at=good_at), name, why)

    def _put(self, key: Key, pulse: Pulse, name: str, why: str) -> None:
        with self._lock:
            before = self._pulses.get(key, Pulse()).health
            self._pulses[key] = pulse
        if before is not pulse.health and self._leads():
            with self._store.writing() as tx:
                events.append(tx, _event(key[0], name, pulse.health, why))
            self._board.tell((Notice("service", key[0]), Notice("event")))

    def _on_thread(self, task: Callable[[], None]) -> object:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="probe")
        return self._threads.submit(task)


def _running(component: Component, vm: Vm | None, inventory: Inventory) -> str | None:
    """Return the name of what is to be asked, a VM or a profile; None while it does not run."""
    if component.profile:
        profile = profile_of(component, inventory)
        runs = profile is not None and state_of(profile, inventory) is VmState.RUNNING
        return profile.name if profile is not None and runs else None
    return vm.name if vm is not None and vm.state is VmState.RUNNING else None


def _event(service: str, vm: str, health: Health, why: str) -> EventRecord:
    told = reason("serve.health", service=service, vm=vm, health=health)
    if why:
        told = reason("serve.health-why", service=service, vm=vm, health=health, why=why)
    return EventRecord(
        kind="service.health",
        message=say(told),
        said=told,
        severity=Severity.WARNING if health is Health.UNHEALTHY else Severity.INFO,
        subject_kind="service",
        subject_id=service,
    )
