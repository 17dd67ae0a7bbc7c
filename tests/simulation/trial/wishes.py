"""What people ask of the pool meanwhile, through the planners; what cannot be is refused."""

import random
from collections.abc import Callable
from uuid import UUID

from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import AnypoolError
from anypool.model import DiskWish, HostId, RunId, StateReason, VmChange, VmId, VmState, VmWish
from anypool.plan import (
    Action,
    DeleteVm,
    PauseVm,
    Plan,
    ReconfigureVm,
    RestartVm,
    ResumeVm,
    StartVm,
    StopHow,
    StopVm,
    reason,
)
from anypool.plan.copies import copies_of
from anypool.planner.copies import plan_remove_copy
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.operate import plan_action, plan_create, plan_migrate, plan_start
from anypool.store import plans, runs
from anypool.store.records import HostFacts, RunState, StepState
from tests.simulation.trial.meddling import end_paused
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager

BY = "ada"
_ASKED = frozenset({StepState.NEEDS_HUMAN, StepState.FAILED})


class Person:
    """Somebody who asks the leader for one thing."""

    def __init__(self, stage: Stage, manager: Manager, chance: random.Random) -> None:
        self.stage = stage
        self.manager = manager
        self.engine: Engine = manager.engine
        self.chance = chance

    @property
    def rules(self):  # type: ignore[no-untyped-def]
        return self.engine.policies.rulebook(self.engine.inventory)

    def begin(self, plan: Plan) -> None:
        self.engine.run(self.engine.submit(plan, BY).id, BY)

    def act(self, action: Action) -> None:
        self.begin(plan_action(self.engine.inventory, action, BY, self.rules))

    def vm(self, *states: VmState) -> tuple[VmId, HostId] | None:
        known = self.engine.inventory.vms.values()
        found = sorted((vm.id, vm.host) for vm in known if vm.state in states and vm.host)
        return self.chance.choice(found) if found else None

    def evacuate(self) -> None:
        host = self.chance.choice(sorted(self.engine.inventory.hosts))
        if sum(one.maintenance for one in self.engine.inventory.hosts.values()) < 1:
            self.begin(plan_evacuation(self.engine.inventory, host, self.rules))

    def open_hosts(self) -> None:
        for host in sorted(self.engine.inventory.hosts.values(), key=lambda one: one.id):
            if host.maintenance:
                self.engine.set_host_facts(HostFacts(host=host.id), BY)

    def migrate(self) -> None:
        if (one := self.vm(VmState.RUNNING)) is not None:
            self.begin(plan_migrate(self.engine.inventory, one[0], self.rules, target=None))

    def stop(self) -> None:
        if (one := self.vm(VmState.RUNNING)) is not None:
            self.stage.oracle.free.add(one[0])
            how = self.chance.choice(list(StopHow))
            self.act(StopVm(vm=one[0], host=one[1], how=how))

    def start(self) -> None:
        if (one := self.vm(VmState.STOPPED, VmState.CRASHED)) is not None:
            self.begin(plan_start(self.engine.inventory, one[0], self.rules))

    def restart(self) -> None:
        if (one := self.vm(VmState.RUNNING)) is not None:
            self.act(RestartVm(vm=one[0], host=one[1]))

    def pause(self) -> None:
        if (one := self.vm(VmState.RUNNING)) is not None:
            self.stage.oracle.free.add(one[0])
            self.act(PauseVm(vm=one[0], host=one[1]))

    def resume(self) -> None:
        if (one := self.vm(VmState.PAUSED)) is not None:
            self.act(ResumeVm(vm=one[0], host=one[1]))

    def wake(self) -> None:
        """Let what somebody paused go on: a copy beside it is tidied up once it runs."""
        for vm in sorted(self.engine.inventory.vms.values(), key=lambda one: one.id):
            if vm.state is VmState.PAUSED and vm.host is not None:
                self.act(ResumeVm(vm=vm.id, host=vm.host))

    def clean(self) -> None:
        """Remove the copies that are left over: a paused one beside its VM by its host's tools."""
        inventory = self.engine.inventory
        for vm in sorted(inventory.vms.values(), key=lambda one: one.id):
            for copy in vm.copies if vm.state is VmState.RUNNING else ():
                if (copy.state, copy.reason) == (VmState.PAUSED, StateReason.BY_USER):
                    end_paused(self.stage, (vm.id, copy.host))
            if vm.reason is StateReason.MIGRATING and vm.copies and vm.host is not None:
                self.stage.oracle.free.add(vm.id)
                self.act(StopVm(vm=vm.id, host=vm.host, how=StopHow.POWER_OFF))
                continue
            found = next((one for one in copies_of(vm, inventory)[1:] if one.kept is None), None)
            if found is None:
                continue
            try:
                why = reason("asked", who=BY)
                self.begin(plan_remove_copy(inventory, vm.id, found.host, why))
            except AnypoolError:
                continue

    def grow(self) -> None:
        if (one := self.vm(VmState.RUNNING, VmState.STOPPED)) is not None:
            memory = self.engine.inventory.vms[one[0]].memory_mib
            change = VmChange(memory_mib=self.chance.choice((memory, max(512, memory // 2))))
            self.act(ReconfigureVm(vm=one[0], host=one[1], change=change))

    def create(self) -> None:
        self.stage.made += 1
        number = self.stage.made
        store = sorted(key for key, one in self.engine.inventory.datastores.items() if one.shared)
        vm = VmId(str(UUID(int=self.chance.getrandbits(128), version=4)))
        disk = DiskWish(target="vda", datastore=store[0], volume=f"new{number}.qcow2",
                        size_bytes=1 << 30, format="qcow2")  # fmt: skip
        wish = VmWish(id=vm, name=f"new{number}", memory_mib=512, disks=(disk,))
        self.stage.oracle.free.add(vm)
        inventory = self.engine.inventory
        self.begin(plan_create(inventory, (wish,), self.rules, host=None, start=True))

    def delete(self) -> None:
        if (one := self.vm(VmState.STOPPED)) is not None:
            self.stage.oracle.free.add(one[0])
            self.act(DeleteVm(vm=one[0], host=one[1], volumes=self.chance.random() < 0.5))

    def meddle(self) -> None:
        """Pause, resume, cancel or retry a run."""
        with self.manager.store.reading() as tx:
            found = [one.id for one in runs.unfinished(tx)]
        if not found:
            return
        run = self.chance.choice(sorted(found))
        ask = self.chance.choice((self.engine.pause, self.engine.resume, self.cancel))
        ask(run, BY)

    def tidy(self) -> None:
        """Retry what failed or waits for a person, and go on with what was paused."""
        with self.manager.store.reading() as tx:
            found = list(runs.unfinished(tx))
            steps = {one.id: runs.steps(tx, one.id) for one in found}
        for run in found:
            try:
                self._tidy_run(run.id, run.state, steps[run.id])
            except AnypoolError:
                continue

    def _tidy_run(self, run, state, steps) -> None:  # type: ignore[no-untyped-def]
        if state in (RunState.PAUSED, RunState.INTERRUPTED):
            self.engine.resume(run, BY)
        if state is not RunState.NEEDS_HUMAN:
            return
        for step in steps:
            if step.state in (StepState.FAILED, StepState.NEEDS_HUMAN):
                self.engine.retry(run, step.number, BY)

    def give_up(self) -> None:
        """Cancel what waits for a person: what it was about is not so any more."""
        with self.manager.store.reading() as tx:
            found = [one.id for one in runs.unfinished(tx) if one.state is RunState.NEEDS_HUMAN]
        for run in found:
            self.cancel(run, BY)

    def cancel(self, run: RunId, by: str) -> None:
        """Cancel a run; what it was to start, and a person was asked about, nobody wants now."""
        with self.manager.store.reading() as tx:
            asked = {one.number for one in runs.steps(tx, run) if one.state in _ASKED}
            steps = plans.get(tx, runs.get_run(tx, run).plan).plan.steps
        started = (one.action for one in steps if one.number in asked)
        self.stage.oracle.free |= {one.vm for one in started if isinstance(one, StartVm)}
        self.engine.cancel(run, by)

    def say_dead(self) -> None:
        """Say of a host that it is dead, if it is; and see to it that it stays so for a while."""
        from tests.simulation.trial.saying import say_dead

        with self.stage.world.turn() as state:
            dead = [host for host in self.stage.hosts if not state.host(host).lives]
        for host in dead[:1]:
            say_dead(self.stage, self.manager, host)


WISHES: tuple[tuple[int, str, Callable[[Person], None]], ...] = (
    (5, "evacuate", Person.evacuate),
    (5, "open", Person.open_hosts),
    (8, "migrate", Person.migrate),
    (2, "stop", Person.stop),
    (4, "start", Person.start),
    (1, "restart", Person.restart),
    (1, "pause", Person.pause),
    (2, "resume", Person.resume),
    (1, "grow", Person.grow),
    (2, "create", Person.create),
    (1, "delete", Person.delete),
    (2, "meddle", Person.meddle),
    (1, "clean", Person.clean),
    (4, "tidy", Person.tidy),
    (1, "say-dead", Person.say_dead),
)
BY_NAME = {name: wish for _, name, wish in WISHES}


def asked(stage: Stage, wish: Callable[[Person], None], chance: random.Random) -> None:
    """Let somebody ask for one thing; a refusal is an answer."""
    manager = stage.leader()
    if manager is None:
        return
    try:
        wish(Person(stage, manager, chance))
    except AnypoolError:
        return
    except BaseException as error:
        from tests.simulation.yard import Crash

        if not isinstance(error, Crash):
            raise
        stage.killed(manager)


__all__ = ["BY_NAME", "WISHES", "Person", "asked", "replace"]
