"""What the tests of the engine's core share; no test of its own."""

from msgspec.structs import replace

from anypool.engine.runs import core
from anypool.engine.runs.decision import Deed
from anypool.engine.runs.sight import Seen, Sight
from anypool.engine.runs.state import (
    Acted,
    Asked,
    Command,
    Context,
    Do,
    Event,
    Instant,
    Look,
    Looked,
    Outcome,
    Request,
    Rules,
    RunNow,
    Tick,
    Usage,
    no_rules,
)
from anypool.model import (
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    Job,
    Locking,
    PlanId,
    RunId,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Action, PauseVm, Plan, Step, reason
from anypool.settings import Settings
from anypool.store.records import RunRecord, RunState, StepRecord

H1, H2, H3 = HostId("h1"), HostId("h2"), HostId("h3")
V1, V2, V3 = VmId("v1"), VmId("v2"), VmId("v3")
SHARED = DatastoreId("shared")
SETTINGS = Settings(state_dir="/nowhere")


def host(name: HostId, **more: object) -> Host:
    made = Host(
        id=name,
        name=str(name),
        endpoint=EndpointId(f"e-{name}"),
        memory_mib=8192,
        datastores=frozenset({SHARED}),
    )
    return replace(made, **more)


def vm(name: VmId, place: HostId | None = H1, state: VmState = VmState.RUNNING) -> Vm:
    disk = Disk(target="vda", volume=f"{name}.qcow2", datastore=SHARED)
    return Vm(id=name, name=str(name), host=place, state=state, memory_mib=512, disks=(disk,))


def pool(*vms: Vm, locking: Locking = Locking.UNKNOWN) -> Inventory:
    inventory = Inventory()
    for name in (H1, H2, H3):
        inventory = inventory.with_host(host(name))
    inventory = inventory.with_datastore(Datastore(id=SHARED, name="shared", locking=locking))
    for one in vms:
        inventory = inventory.with_vm(one)
    return inventory


def step(number: int, action: Action, *after: int, **more: object) -> Step:
    made = Step(
        number=number, action=action, why=reason("asked", who="ada"), after=frozenset(after)
    )
    return replace(made, **more)


def seen(place: HostId, found: Vm | None, reason: StateReason = StateReason.NONE) -> Seen:
    if found is None:
        return Seen(place, True)
    return Seen(place, True, found.state, reason, found)


class Bench:
    """A run on the bench: events in, commands out, time by hand."""

    def __init__(
        self, *steps: Step, inventory: Inventory | None = None, settings: Settings = SETTINGS
    ) -> None:
        run = RunRecord(
            id=RunId("r1"), plan=PlanId("p1"), state=RunState.RUNNING, by="ada", started_at=1.0
        )
        plan = Plan(goal="test", steps=steps)
        records = tuple(StepRecord(run=run.id, number=one.number) for one in steps)
        self.run: RunNow = core.resumed(run, plan, records, 0.0)
        self.inventory = pool() if inventory is None else inventory
        self.settings = settings
        self.ticks = 0.0
        self.others = Usage()
        self.rules: Rules = no_rules
        self.under_way: tuple[Action, ...] = ()

    def send(self, event: Event) -> tuple[Command, ...]:
        context = Context(
            now=Instant(1000.0 + self.ticks, self.ticks),
            settings=self.settings,
            inventory=self.inventory,
            others=self.others,
            bounds=self.rules,
            under_way=self.under_way,
        )
        self.run, commands = core.advance(self.run, event, context)
        return commands

    def tick(self, seconds: float = 0.0) -> tuple[Command, ...]:
        self.ticks += seconds
        return self.send(Tick())

    def look(self, number: int, *what: Seen, job: Job | None = None) -> tuple[Command, ...]:
        answered = all(one.answered for one in what)
        sight = Sight(inventory=self.inventory, seen=what, job=job, answered=answered)
        return self.send(Looked(number, sight))

    def come_back(
        self, number: int, outcome: Outcome = Outcome.DONE, message: str = ""
    ) -> tuple[Command, ...]:
        return self.send(Acted(number, outcome, message))

    def ask(self, request: Request, number: int = 0) -> tuple[Command, ...]:
        return self.send(Asked(request, number))

    def states(self) -> list[str]:
        return [str(one.state) for one in self.run.steps]


def looks(commands: tuple[Command, ...]) -> list[int]:
    return [one.number for one in commands if isinstance(one, Look)]


def deeds(commands: tuple[Command, ...]) -> list[Do]:
    return [one for one in commands if isinstance(one, Do)]


def paused_three() -> Bench:
    steps = [step(n, PauseVm(vm=name, host=H1)) for n, name in ((1, V1), (2, V2))]
    steps.append(step(3, PauseVm(vm=V3, host=H1), 1, 2))
    return Bench(*steps, inventory=pool(vm(V1), vm(V2), vm(V3)))


def do_pause(bench: Bench, number: int, name: VmId) -> None:
    """Let a pause step go through: look, act, look."""
    assert bench.look(number, seen(H1, vm(name))) == (Do(number, Deed.PERFORM),)
    assert looks(bench.come_back(number)) == [number]
    bench.look(number, seen(H1, vm(name, state=VmState.PAUSED)))
