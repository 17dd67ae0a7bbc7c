"""What is true: where the one VM is, which hosts live, which of them are heard."""

from anypool.clock import ManualClock
from anypool.model import HostId, StateReason, VmState
from tests.unit.engine_kit import H1, H2, H3

HOSTS = (H1, H2, H3)
Copy = tuple[VmState, StateReason]
RUNNING: Copy = (VmState.RUNNING, StateReason.NONE)
STOPPED: Copy = (VmState.STOPPED, StateReason.NONE)
MIGRATED: Copy = (VmState.STOPPED, StateReason.MIGRATED)
CRASHED: Copy = (VmState.CRASHED, StateReason.NONE)
INCOMING: Copy = (VmState.PAUSED, StateReason.INCOMING)
HELD: Copy = (VmState.PAUSED, StateReason.MIGRATING)
WAITS: Copy = (VmState.PAUSED, StateReason.BY_USER)


class Wrong(Exception):
    """A promise that was broken."""


class World:
    """The truth. A copy that is down stays defined; one that waits for a migration does not.

    `stale` are hosts with a paused copy that is older than what ran since.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.copies: dict[HostId, Copy] = {H1: RUNNING}
        self.stale: set[HostId] = set()
        self.off: dict[HostId, float] = {}
        self.died_at: dict[HostId, float] = {}
        self.cut: set[HostId] = set()
        self.free = False
        self.stopped = False

    @property
    def now(self) -> float:
        return self.clock.now()

    def answers(self, host: HostId) -> bool:
        return host not in self.off and host not in self.cut

    def is_down(self, host: HostId) -> bool:
        """Return whether nothing of it lives on a host."""
        return self.copies.get(host) in (None, STOPPED, MIGRATED)

    def runs_on(self) -> list[HostId]:
        return [host for host, copy in self.copies.items() if copy == RUNNING]

    def start(self, host: HostId) -> None:
        """A VM is started: it must run nowhere."""
        self._alone(host, "started")
        if self.stopped:
            raise Wrong(f"stopped: started on {host} though somebody stopped it by our hand")
        if others := [one for one, copy in self.copies.items() if copy in (WAITS, HELD)]:
            raise Wrong(f"twice: started on {host} beside paused copies on {others}")
        self.copies[host] = RUNNING
        self.free = False

    def resume(self, host: HostId) -> None:
        """A paused copy is resumed by us: it must be the only one, and the newest."""
        self._alone(host, "resumed")
        if host in self.stale:
            raise Wrong(f"stale: an old copy is resumed on {host}")
        self.run_again(host)

    def run_again(self, host: HostId) -> None:
        """A paused copy goes on; others are older than it from now on."""
        self.copies[host] = RUNNING
        self.stale |= {one for one, copy in self.copies.items() if copy in (WAITS, HELD)}
        self.stale.discard(host)

    def discard(self, host: HostId) -> None:
        """A copy is ended and forgotten by us: it must not run."""
        if self.copies.get(host) == RUNNING:
            raise Wrong(f"killed: the copy on {host} runs")
        self.copies.pop(host, None)

    def die(self, host: HostId) -> None:
        """A host loses its power, and what runs there ends."""
        self.off[host] = self.died_at[host] = self.now
        self.drop_incoming(host)
        if host in self.copies and self.copies[host] != CRASHED:
            self.copies[host] = STOPPED  # nor does libvirt know why any more

    def drop_incoming(self, host: HostId) -> None:
        """A copy that waits for a migration is gone."""
        if self.copies.get(host) == INCOMING:
            del self.copies[host]

    def move(self, source: HostId, target: HostId, *, leaves: bool) -> None:
        """A VM that runs goes to another host; `leaves` its definition where it was."""
        self.copies[target] = self.copies.pop(source)
        if leaves:
            self.copies[source] = MIGRATED

    def _alone(self, host: HostId, done: str) -> None:
        if others := [one for one in self.runs_on() if one != host]:
            raise Wrong(f"twice: {done} on {host} while it runs on {others}")
