"""Spares join and leave while answers are lost, controllers fail and the manager dies, by seeds.

At no moment may an address be on two servers that are on, a VM run twice or be lost, or anybody
boot as the profile but who owns it. When all is well again a person gets everything back with the
usual commands. A failing seed can be run alone.
"""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.racked import double_addresses, set_server
from anypool.errors import AnypoolError
from anypool.model import EndpointId, HostId, HostState, RunId
from anypool.planner.operate import plan_migrate
from anypool.planner.profiles.assign import plan_unassign
from anypool.store import runs
from anypool.store.records import FINAL_RUN_STATES, RunState, StepState
from tests.simulation.farm import BLADES, NODE, Farm
from tests.simulation.test_profiles import FIRST
from tests.simulation.yard import Crash

SEEDS = range(max(6, int(os.environ.get("TEST_SEEDS", "24")) // 4))
SHAPE = Shape(hosts=2, vms=2, servers=2, running_percent=100, local_percent=0)
ROUNDS, TURNS, STRIKES = 3, 4000, 12
KINDS = (FaultKind.UNREACHABLE, FaultKind.LOST_ANSWER, FaultKind.REJECTED)
OPERATIONS = (
    *("apply_identity", "withdraw_identity", "power_on_host", "power_off_host", "force_off_host"),
    *("power", "observe", "info", "begin_migration", "migration", "enter_maintenance"),
)
MOODS = (BmcMood.WORKS, BmcMood.STUCK, BmcMood.DEAD, BmcMood.GLITCH, BmcMood.GLITCH)
"""Not one that always says off of a server that is on: that is outside of what is promised."""


class Troubled(Farm):
    """A farm with bad luck."""

    left = 0

    def play(self, run: RunId) -> RunState:
        """Let a run go on under trouble until it ended or needs a person."""
        self.left = STRIKES
        for _ in range(TURNS):
            try:
                record = self.record(run)
                if record.state in {*FINAL_RUN_STATES, RunState.NEEDS_HUMAN}:
                    break
                self.strike()
                self.step()
            except Crash:
                self.restart()
            self.check_ever()
        else:
            raise AssertionError(f"run {run} does not end: {self.steps(run)}")
        self.calm()
        return record.state

    def strike(self) -> None:
        """Maybe do harm."""
        draw = self.chance.random()
        if self.left <= 0 or draw > 0.12:
            return
        self.left -= 1
        server = self.node.server or self.chance.choice(BLADES)
        if draw < 0.015:
            self.restart()
        elif draw < 0.045:
            set_server(self.world, server, bmc=self.chance.choice(MOODS))
        elif draw < 0.055:
            self.world.cut_host(HostId(server))
        elif draw < 0.065:
            self.world.heal_host(HostId(server))
        elif draw < 0.075:
            self.store.crash_at = (self.store.writes + self.chance.randrange(1, 4), "after")
        else:
            kind, operation = self.chance.choice(KINDS), self.chance.choice(OPERATIONS)
            self.world.inject(Fault(kind=kind, operation=operation))

    def calm(self) -> None:
        """End all trouble."""
        self.world.clear_faults()
        self.store.crash_at = (0, "")
        for key in BLADES:
            set_server(self.world, key, bmc=BmcMood.WORKS)
            self.world.heal_host(HostId(key))
        self.read_all()

    def read_all(self) -> None:
        for endpoint in self.engine.endpoints():
            with suppress(AnypoolError):
                self.engine._observer.read(endpoint.id)

    def check_ever(self) -> None:
        """What holds at every moment, by the world."""
        assert double_addresses(self.world) == ()
        assert self.world.double_runs == ()
        assert self.world.losses == ()
        owner = self.node.server if NODE in self.engine.inventory.profiles else None
        with self.world.turn() as state:
            rows = dict(state.servers.rows.items())
        bear = {key for key, row in rows.items() if row.server.bears}
        entered = {one.server for one in self.boot.entries.values()}
        assert bear | entered <= ({owner} if owner else set()), "nobody else is the profile"
        on = {key for key in bear if rows[key].powered}
        assert on <= entered, "what is on as the profile may boot as it again"

    def recover(self) -> None:
        """Do what a person does until the spare is a spare again."""
        for _ in range(8):
            self.read_all()
            with self.store.store.reading() as tx:
                open_ = [one.id for one in runs.unfinished(tx)]
            for one in open_:
                self.settle(one)
            if self.node.server is None and not self.joined:
                return
            self.undo()
        raise AssertionError(f"it stays as it is: {self.node}, {self.joined}")

    def settle(self, run: RunId) -> None:
        """Try what needs a person once more, and give it up if that does not help."""
        for step in self.steps(run):
            if step.state is StepState.NEEDS_HUMAN:
                self.engine.retry(run, step.number, "ada")
        if self.finish(run).state is RunState.NEEDS_HUMAN:
            self.engine.cancel(run, "ada")
            self.finish(run)

    @property
    def joined(self) -> bool:
        return any(one.id == "node1" for one in self.engine.endpoints())

    def undo(self) -> None:
        server = self.node.server
        if server is None:
            self.engine.remove_endpoint(EndpointId("node1"), "ada")
            return
        host = self.engine.inventory.hosts.get(HostId(server))
        up = host is not None and host.state is HostState.UP
        run = self.retire(server) if up else self.unassign()
        self.finish(run)

    def unassign(self) -> RunId:
        return self.begin(plan_unassign(self.engine.inventory, NODE, force=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_joins_and_leaves_under_faults_is_never_two_and_can_be_undone(
    tmp_path: Path, seed: int
) -> None:
    farm = Troubled(tmp_path, shape=SHAPE, seed=seed)
    farm.furnish()
    ends = []
    for _ in range(ROUNDS):
        ends.append(farm.play(farm.make(farm.chance.choice((None, *BLADES)))))
        if ends[-1] is RunState.DONE:
            for vm in sorted(farm.where())[:1]:
                with suppress(AnypoolError):
                    target = HostId(farm.node.server or "")
                    farm.play(farm.begin(plan_migrate(farm.engine.inventory, vm, target=target)))
            with suppress(AnypoolError):
                ends.append(farm.play(farm.retire(farm.node.server or FIRST)))
        farm.recover()
        farm.check()
    assert ends
    farm.close()
