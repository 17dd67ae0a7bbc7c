"""A management server above a simulated pool: one endpoint, which works by tasks of its own.

It takes a deed up and says at once which task works on it; the effect comes when the task ends.
Who asks is not waited for, and a task goes on when the manager dies. So it counts what the
manager sent.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers import Driver, Migration
from anypool.drivers.observing import guarded
from anypool.drivers.sim import SimDriver, World
from anypool.errors import AnypoolError, UnderWay
from anypool.model import (
    Capability,
    Endpoint,
    EndpointId,
    Frame,
    HostId,
    Job,
    JobOrder,
    JobState,
    VmId,
)
from tests.simulation.pool import SimPool
from tests.simulation.yard import Yard

OWN = frozenset({Capability.TASKS, Capability.HOST_MAINTENANCE})
BY_TASK = (
    "create_vm", "delete_vm", "start_vm", "power_off_vm", "pause_vm", "resume_vm",
    "reconfigure_vm", "move_disks", "create_snapshot", "revert_snapshot", "delete_snapshot",
)  # fmt: skip


class Task(Struct):
    """One task; `key` is the operation and what it is about."""

    handle: str
    key: tuple[str, str]
    due: float
    effect: Callable[[], None]
    state: JobState = JobState.RUNNING
    message: str = ""


class Centre:
    """The server: its tasks live as long as it, whoever asked for them."""

    def __init__(self, world: World, task_s: float) -> None:
        self.world = world
        self.task_s = task_s
        self.tasks: list[Task] = []
        self.set_aside: set[HostId] = set()
        self.refuse: dict[str, str] = {}

    def take(self, operation: str, about: str, effect: Callable[[], None]) -> None:
        """Begin a task, and say so."""
        self.advance()
        due = self.world.clock.monotonic() + self.task_s
        task = Task(f"task-{len(self.tasks) + 1}", (operation, about), due, effect)
        self.tasks.append(task)
        raise UnderWay(f"{operation} goes on", handle=task.handle)

    def advance(self) -> None:
        """Let the tasks end whose time has come."""
        for task in self.tasks:
            if task.state is not JobState.RUNNING or task.due > self.world.clock.monotonic():
                continue
            task.state = JobState.DONE
            try:
                if why := self.refuse.pop(task.key[0], ""):
                    task.state, task.message = JobState.FAILED, why
                else:
                    task.effect()
            except AnypoolError as error:
                task.state, task.message = JobState.FAILED, error.message

    def asked(self, order: JobOrder) -> Job:
        self.advance()
        for task in reversed(self.tasks):
            mine = task.handle == order.handle
            same = task.key == (order.operation, order.vm or order.host)
            if mine or (not order.handle and same and task.state is JobState.RUNNING):
                return Job(state=task.state, handle=task.handle, message=task.message)
        return Job(state=JobState.GONE)

    def sent(self) -> list[tuple[str, str]]:
        """What was ever asked for."""
        return sorted(task.key for task in self.tasks)


class CentreDriver(SimDriver):
    """The driver of such a server; its hosts move VMs only through it."""

    def __init__(self, centre: Centre, endpoint: EndpointId) -> None:
        super().__init__(centre.world, None, endpoint=endpoint)
        self.centre = centre

    def observe(self) -> Frame:
        self.centre.advance()
        frame = super().observe()
        hosts = (
            replace(host, capabilities=host.capabilities | OWN,
                    set_aside=host.id in self.centre.set_aside)
            for host in frame.hosts
        )  # fmt: skip
        return replace(frame, hosts=tuple(hosts))

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        self.centre.advance()
        return super().observe_vms(vms)

    def job(self, order: JobOrder) -> Job:
        return self.centre.asked(order)

    def begin_migration(self, order: Migration) -> None:
        def move() -> None:
            with self.centre.world.turn() as state:
                copy = state.copy(order.source, order.vm)
                assert copy is not None, "it was moved twice"
                there = replace(copy, vm=replace(copy.vm, host=order.target))
                state.put_copy(order.source, order.vm, None)
                state.put_copy(order.target, order.vm, there)

        self.centre.take("begin_migration", order.vm, move)

    def enter_maintenance(self, host: HostId) -> None:
        self.centre.take("enter_maintenance", host, lambda: self.centre.set_aside.add(host))

    def leave_maintenance(self, host: HostId) -> None:
        self.centre.take("leave_maintenance", host, lambda: self.centre.set_aside.discard(host))


def _by_task(name: str) -> Callable[..., None]:
    plain: Callable[..., None] = getattr(SimDriver, name)

    def deed(self: CentreDriver, first: Any, *more: Any) -> None:
        about = getattr(first, "id", first)
        self.centre.take(name, about, lambda: plain(self, first, *more))

    return deed


for _name in BY_TASK:
    setattr(CentreDriver, _name, _by_task(_name))


class CentrePool(SimPool):
    """One endpoint for all hosts."""

    def __init__(self, centre: Centre) -> None:
        super().__init__(centre.world)
        self._centre = centre

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint(id=EndpointId("centre"), driver="sim", uri="sim://world/centre")]

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        return guarded(endpoint, CentreDriver(self._centre, endpoint.id))


class CentreYard(Yard):
    """The engine on such a server, which outlives it."""

    task_s = 20.0
    centre: Centre | None = None

    def _pool(self) -> SimPool:
        if self.centre is None:
            self.centre = Centre(self.world, self.task_s)
        return CentrePool(self.centre)

    @property
    def server(self) -> Centre:
        assert self.centre is not None
        return self.centre
