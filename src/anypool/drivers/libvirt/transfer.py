"""One migration under way: a thread that waits for libvirt's answer and one that minds the pause.

The pause the transfer may end with is set before it begins and raised while it runs, only
as far as `converge` finds necessary.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import libvirt

from anypool.drivers.libvirt.converge import Patience, Reading, heed
from anypool.drivers.protocol import Migration

POLL_S = 0.1


class Transfer:
    """A migration that this process began; `problem` is libvirt's answer if it failed.

    `way` is the target's address as the source opens it, and libvirt's flags. `hold` keeps the
    connection's room for it; what it returns is called at the end.
    """

    def __init__(
        self,
        order: Migration,
        domain: libvirt.virDomain,
        way: tuple[str, int],
        hold: Callable[[], Callable[[], None]],
    ) -> None:
        """Nothing is sent before `begin`."""
        self.order = order
        self.domain = domain
        self.ended = threading.Event()
        self.problem: libvirt.libvirtError | None = None
        self._way = way
        self._hold = hold

    def begin(self) -> None:
        """Set the first pause, then start both threads."""
        before_ms = self.domain.migrateGetMaxDowntime(0)
        self.domain.migrateSetMaxDowntime(self.order.pause_limit_ms, 0)
        name = f"migrate-{self.order.vm}"
        release = self._hold()
        arguments = (before_ms, release)
        threading.Thread(target=self._run, args=arguments, name=name, daemon=True).start()
        mind_the_pause(self.order, self.domain, self.ended)

    def _run(self, before_ms: int, release: Callable[[], None]) -> None:
        wishes: dict[str, Any] = {}
        if self.order.peer_address:
            wishes[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{_bracketed(self.order.peer_address)}"
        if self.order.bandwidth_mib_s:
            wishes[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = self.order.bandwidth_mib_s
        try:
            self.domain.migrateToURI3(self._way[0], wishes, self._way[1])
        except libvirt.libvirtError as problem:
            self.problem = problem
            with contextlib.suppress(libvirt.libvirtError):
                self.domain.migrateSetMaxDowntime(before_ms, 0)
        finally:
            release()
            self.ended.set()


def mind_the_pause(
    order: Migration,
    domain: libvirt.virDomain,
    ended: threading.Event,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Watch a transfer in a thread of its own until it ended or there is no job any more."""

    def mind() -> None:
        _mind(order, domain, ended)
        then()

    threading.Thread(target=mind, name=f"pause-{order.vm}", daemon=True).start()


def statistics(domain: libvirt.virDomain) -> dict[str, Any] | None:
    """The numbers of the migration that leaves from here, None if there is none."""
    try:
        found: dict[str, Any] = domain.jobStats(0)
    except libvirt.libvirtError:
        return None
    outgoing = found.get("operation") == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
    return found if outgoing and found["type"] != libvirt.VIR_DOMAIN_JOB_NONE else None


def _mind(order: Migration, domain: libvirt.virDomain, ended: threading.Event) -> None:
    patience = Patience(pause_ms=order.pause_limit_ms, limit_ms=order.pause_limit_max_ms)
    seen = False
    while not ended.wait(POLL_S):
        found = statistics(domain)
        if found is None and seen:
            return
        if found is None or not found.get("memory_iteration"):
            continue
        seen = True
        wiser = heed(
            patience,
            Reading(
                iteration=found["memory_iteration"],
                left_bytes=found.get("memory_remaining", 0),
                bytes_per_s=found.get("memory_bps", 0),
            ),
        )
        if wiser.pause_ms > patience.pause_ms:
            with contextlib.suppress(libvirt.libvirtError):
                domain.migrateSetMaxDowntime(wiser.pause_ms, 0)
        patience = wiser


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
