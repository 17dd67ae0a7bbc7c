"""The truth about one migration: how stock libvirt moves a VM, and what it leaves when it fails."""

from anypool.model import HostId, Job, JobState
from tests.simulation.small.world import HELD, INCOMING, RUNNING, WAITS, World

GIVE_UP_S = 30.0


class Flight:
    """One migration, peer to peer: it goes on whatever becomes of the manager.

    With `held` the target stays paused. Where the answer of a target that has it is lost, a
    source of a held one comes back after a while; another one waits for ever.
    """

    def __init__(self, world: World, source: HostId, target: HostId, *, held: bool) -> None:
        self.source, self.target, self.held = source, target, held
        self._world = world
        self._lost_at = 0.0
        self.ended: JobState | None = None
        world.copies[target] = INCOMING

    def arrive(self, *, lost: bool) -> None:
        """Let the memory be there: the target has it, and says so, or that gets lost."""
        if self.ended is not None or self._lost_at:
            return
        copies = self._world.copies
        if copies.get(self.source) != RUNNING or not self._links():
            self.fail()
            return
        copies[self.target] = WAITS if self.held else RUNNING
        copies[self.source] = HELD
        self._world.stale.discard(self.target)
        if lost:
            self._lost_at = self._world.now
        else:
            del copies[self.source]
            self.ended = JobState.DONE

    def fail(self) -> None:
        """Let the stream of memory break."""
        if self.ended is None and not self._lost_at:
            self._world.drop_incoming(self.target)
            self.ended = JobState.FAILED

    def pass_(self) -> None:
        """Let what is due happen: hosts have died, or the source waited for long enough."""
        copies = self._world.copies
        if self.ended is not None:
            return
        if not self._lost_at:
            if copies.get(self.source) != RUNNING or copies.get(self.target) != INCOMING:
                self.fail()
            return
        if copies.get(self.source) != HELD:
            self.ended = JobState.FAILED
        elif self._world.now - self._lost_at >= GIVE_UP_S:
            self.ended = JobState.FAILED
            if self.held:
                self._world.run_again(self.source)

    def _links(self) -> bool:
        return not {self.source, self.target} & self._world.off.keys()

    def job(self, *, began_here: bool) -> Job:
        """Return what the source says of it; to a manager that came later nothing that is over."""
        if self.ended is None:
            return Job(state=JobState.RUNNING)
        return Job(state=self.ended if began_here else JobState.GONE)
