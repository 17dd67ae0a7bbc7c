"""Trouble for hosts that are guarded: drawn from a seed, and judged by the world itself."""

from msgspec.structs import replace

from anypool.drivers.sim import BmcMood, Fault, FaultKind
from anypool.errors import AnypoolError
from anypool.model import HostId, VmState
from tests.simulation.ha_yard import HaYard

MOODS = (BmcMood.DEAD, BmcMood.STUCK, BmcMood.GLITCH, BmcMood.LATE, BmcMood.LIES)
OPERATIONS = ("adopt_vm", "force_off_host", "observe", "observe_vms", "discard_copy", "start_vm")
KINDS = (FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE, FaultKind.REJECTED)


class Wrong(AssertionError):
    """The world saw what must never be."""


class HaTrouble:
    """Injects faults, counts them, and looks after each whether anything went wrong.

    A BMC that lies does so only while another path shows life: one that lies while all others
    are silent is outside of what is promised. People say only what is true.
    """

    def __init__(self, yard: HaYard) -> None:
        self.yard = yard
        self.count = 0

    def strike(self) -> None:
        """Do one kind of harm, or mend something; then let some time pass."""
        chance = self.yard.chance
        deeds = (
            *([self._die] * 4), *([self._isolate] * 4), *([self._cut] * 2), self._lose_power,
            *([self._mood] * 5), *([self._come_back] * 6), *([self._fault] * 5), self._restart,
            self._crash, self._restart_host, self._say, self._lie, self._lie,
        )  # fmt: skip
        chance.choice(deeds)()
        self.count += 1
        for _ in range(chance.randrange(1, 9)):
            self.yard.second()
            self.judge()

    def judge(self) -> None:
        """Raise `Wrong` for a VM that runs twice or is lost, and for a brake that did not hold."""
        world, rule = self.yard.world, self.yard.rule
        if world.double_runs or world.losses:
            raise Wrong(f"{world.double_runs} {world.losses}")
        for at, _ in world.fences:
            within = {host for then, host in world.fences if at <= then < at + rule.fences_within_s}
            if len(within) > 1:
                raise Wrong(f"{world.fences}: {within} were switched off at a time")

    def over(self) -> None:
        """End all trouble; what is to run must run then, once, and nothing be left over."""
        yard = self.yard
        yard.world.clear_faults()
        for host in yard.hosts:
            self._back(host)
        if not yard.pass_(900, self._tidy):
            raise Wrong(f"{yard.running.keys() - yard.where().keys()} down, {yard.copies()}")
        self.judge()

    def _tidy(self) -> bool:
        copies = self.yard.copies().values()
        return self.yard.all_run() and all(len(places) == 1 for places in copies)

    def _any(self) -> HostId:
        return self.yard.chance.choice(self.yard.hosts)

    def _mood_of(self, host: HostId) -> BmcMood:
        with self.yard.world.turn() as state:
            return state.host(host).bmc

    def _be_honest(self, host: HostId) -> None:
        """Let a BMC stop to lie, before the other paths of its host fall silent."""
        if self._mood_of(host) is BmcMood.LIES:
            self.yard.world.set_bmc(host, BmcMood.WORKS)

    def _die(self) -> None:
        host = self._any()
        self._be_honest(host)
        self.yard.world.kill_host(host)

    def _lose_power(self) -> None:
        self.yard.world.switch_host_off(self._any())

    def _isolate(self) -> None:
        host = self._any()
        self._be_honest(host)
        self.yard.world.cut_host(host)
        self.yard.world.deafen(host)

    def _cut(self) -> None:
        self.yard.world.cut_host(self._any())

    def _mood(self) -> None:
        host, mood = self._any(), self.yard.chance.choice(MOODS)
        if mood is BmcMood.LIES and not self.yard.world.hears(host):
            mood = BmcMood.GLITCH
        self.yard.world.set_bmc(host, mood)

    def _lie(self) -> None:
        """Let management lose a host whose BMC lies; its other network shows that it lives."""
        host = self._any()
        self._back(host)
        self.yard.world.cut_host(host)
        self.yard.world.set_bmc(host, BmcMood.LIES)

    def _come_back(self) -> None:
        self._back(self._any())

    def _back(self, host: HostId) -> None:
        self.yard.world.boot_host(host)
        self.yard.world.heal_host(host)
        self.yard.world.deafen(host, heard=True)
        self.yard.world.set_bmc(host, BmcMood.WORKS)

    def _restart_host(self) -> None:
        host = self._any()
        self.yard.world.kill_host(host)
        self.yard.second()
        self.yard.world.boot_host(host)

    def _fault(self) -> None:
        chance = self.yard.chance
        fault = Fault(kind=chance.choice(KINDS), operation=chance.choice(OPERATIONS))
        self.yard.world.inject(fault)

    def _restart(self) -> None:
        self.yard.restart()

    def _crash(self) -> None:
        """Let one VM end by itself."""
        running = sorted(self.yard.where().items())
        if not running:
            return
        vm, host = self.yard.chance.choice(running)
        with self.yard.world.turn() as state:
            copy = state.copy(host, vm)
            assert copy is not None
            ended = replace(copy.vm, state=VmState.CRASHED)
            state.put_copy(host, vm, replace(copy, vm=ended, started_at=0.0))

    def _say(self) -> None:
        """Let a person say of a dead host that it is dead, and see to it that it stays so."""
        with self.yard.world.turn() as state:
            dead = [host for host in self.yard.hosts if not state.host(host).lives]
        for host in dead[:1]:
            try:
                self.yard.say_dead(host)
            except AnypoolError:
                continue
