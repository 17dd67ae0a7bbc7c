"""What is true: where the one VM is, which hosts live, which of them are heard."""

from anypool.clock import ManualClock
from anypool.model import HostId, StateReason, VmState
from tests.unit.engine_kit import H1, H2, H3

HOSTS = (H1, H2, H3)
EXECUTES = frozenset({VmState.RUNNING})
Copy = tuple[VmState, StateReason]
RUNNING: Copy = (VmState.RUNNING, StateReason.NONE)
STOPPED: Copy = (VmState.STOPPED, StateReason.NONE)
MIGRATED: Copy = (VmState.STOPPED, StateReason.MIGRATED)
CRASHED: Copy = (VmState.CRASHED, StateReason.NONE)
INCOMING: Copy = (VmState.PAUSED, StateReason.INCOMING)


class Wrong(Exception):
    """A promise that was broken."""


class World:
    """The truth. A copy that is down stays defined; one that waits for a migration does not."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.copies: dict[HostId, Copy] = {H1: RUNNING}
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
        return [host for host, (state, _) in self.copies.items() if state in EXECUTES]

    def start(self, host: HostId) -> None:
        """A VM is started: it must run nowhere."""
        if others := [one for one in self.runs_on() if one != host]:
            raise Wrong(f"twice: started on {host} while it runs on {others}")
        if self.stopped:
            raise Wrong(f"stopped: started on {host} though somebody stopped it by our hand")
        self.copies[host] = RUNNING
        self.free = False

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
