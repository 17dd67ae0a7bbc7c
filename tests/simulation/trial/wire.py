"""What lies between a manager and an endpoint: here calls are lost, late, garbled or queued.

Every call passes through it, so it also tells the oracle what was ordered, answered and heard.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from anypool.drivers import Driver
from anypool.drivers.observing import DEEDS, guarded
from anypool.drivers.sim import Fault, FaultKind, SimDriver
from anypool.drivers.wire import no_answer
from anypool.errors import Rejected, Unreachable
from anypool.model import Endpoint, EndpointHealth, EndpointId, Frame, HostId

if TYPE_CHECKING:
    from tests.simulation.trial.stage import Stage
    from tests.simulation.trial.timed_manager import Manager

BY_BMC = frozenset({"power", "force_off_host", "power_off_host", "power_on_host"})
"""Calls that reach a host's BMC, whatever became of the way to the host."""
LATE_S = 8.0
"""A call that hangs is given up after so long."""


class Link(StrEnum):
    """The way between a manager and a host; `ONE_WAY` brings orders there and no answer back."""

    OPEN = "open"
    SHUT = "shut"
    ONE_WAY = "one-way"


class Hitch(StrEnum):
    """What goes wrong with one call."""

    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    LOST_ANSWER = "lost-answer"
    WORKER_DIES = "worker-dies"
    GARBAGE = "garbage"
    HANGS = "hangs"
    SLOW = "slow"
    STALE = "stale"
    TWICE = "twice"
    LOST_FINISH = "lost-finish"
    LOST_MEMORY = "lost-memory"
    LOST_AND_CUT = "lost-and-cut"
    CRAWLS = "crawls"
    HALF_WAY = "half-way"


_IN_THE_WORLD = {
    Hitch.LOST_FINISH: FaultKind.LOST_FINISH,
    Hitch.LOST_AND_CUT: FaultKind.LOST_FINISH,
    Hitch.LOST_MEMORY: FaultKind.LOST_MEMORY,
    Hitch.CRAWLS: FaultKind.SLOW,
    Hitch.HALF_WAY: FaultKind.HALF_WAY,
}
_AFTERWARDS = (Hitch.LOST_ANSWER, Hitch.GARBAGE)


class Armed(Struct):
    """A hitch that waits for a call it fits; `label` is its line in the catalogue."""

    hitch: Hitch
    label: str
    operation: str = ""
    host: HostId | None = None

    def fits(self, operation: str, host: HostId) -> bool:
        """Return whether it strikes this call."""
        if self.host not in (None, host) or self.operation not in ("", operation):
            return False
        if self.hitch is Hitch.STALE:
            return operation in ("observe", "observe_vms")
        return self.hitch is not Hitch.TWICE or operation == "changes"


class Wire:
    """The driver of one host as one manager has it."""

    def __init__(self, manager: "Manager", host: HostId, driver: SimDriver) -> None:
        self._manager = manager
        self._stage: Stage = manager.stage
        self._host = host
        self._driver = driver
        self._nested = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        return partial(self._call, name, found) if callable(found) else found

    def _call(self, operation: str, target: Callable[..., Any], *arguments: Any) -> Any:
        stage, host = self._stage, self._host
        self._manager.check_alive()
        hitch = stage.strike(operation, host)
        self._before(operation, hitch, (target, arguments))
        link = Link.OPEN if operation in BY_BMC else self._manager.links.get(host, Link.OPEN)
        if link is Link.SHUT:
            raise self._lost(operation, sent=False, why="the network is cut")
        if (fault := _IN_THE_WORLD.get(hitch)) if hitch else None:
            stage.world.inject(Fault(kind=fault, operation=operation))
        try:
            found = self._done(operation, target, arguments)
        except Unreachable:
            self._heard_nothing(operation)
            raise
        if hitch is Hitch.LOST_AND_CUT:
            stage.cut_an_end(arguments[0])
        if hitch in _AFTERWARDS or link is Link.ONE_WAY:
            raise self._lost(operation, sent=True, why="the answer was lost")
        return self._answered(operation, hitch, arguments, found)

    def _before(
        self, operation: str, hitch: Hitch | None, call: tuple[Callable[..., Any], tuple[Any, ...]]
    ) -> None:
        """Raise for a call that does not get there."""
        match hitch:
            case Hitch.UNREACHABLE:
                raise self._lost(operation, sent=False, why="nothing was sent")
            case Hitch.REJECTED if operation in DEEDS:
                raise Rejected("simulated: the platform said no")
            case Hitch.WORKER_DIES:
                raise self._lost(operation, sent=True, why="its worker ended")
            case Hitch.HANGS:
                self._stage.clock.advance(LATE_S)
                raise self._lost(operation, sent=True, why="it took too long")
            case Hitch.SLOW:
                self._stage.clock.advance(2.0)
        if operation not in BY_BMC and self._stage.stands_still(self._host):
            if operation in DEEDS:
                self._stage.queue(self._host, partial(call[0], *call[1]))
            raise self._lost(operation, sent=True, why="it took too long")

    def _done(
        self, operation: str, target: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> object:
        if operation not in DEEDS or operation == "migration":
            return target(*arguments)
        oracle = self._stage.oracle
        self._stage.tell(f"{self._manager.name}: {operation} {arguments[0]} at {self._host}")
        with oracle.deed(self._manager, operation, self._host, arguments):
            return target(*arguments)

    def _answered(
        self, operation: str, hitch: Hitch | None, arguments: tuple[Any, ...], found: Any
    ) -> Any:
        oracle = self._stage.oracle
        if isinstance(found, Frame):
            oracle.frame(self._manager, self._host, found)
            if hitch is Hitch.STALE:
                self._manager.meanwhile()
        elif operation == "power":
            oracle.power(self._host, found.power)
        elif operation == "changes" and hitch is Hitch.TWICE:
            return self._driver.changes(*arguments)
        return found

    def _lost(self, operation: str, *, sent: bool, why: str) -> Exception:
        self._heard_nothing(operation)
        return no_answer(operation, sent, why)

    def _heard_nothing(self, operation: str) -> None:
        if operation in ("observe", "observe_vms", "changes"):
            self._stage.oracle.silence(self._manager, self._host)


class WirePool:
    """The endpoints as one manager reaches them, one for each host."""

    def __init__(self, manager: "Manager") -> None:
        self._manager = manager
        self._wires: dict[Endpoint, Wire] = {}

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        if endpoint not in self._wires:
            host = HostId(endpoint.uri.rpartition("/")[2])
            driver = SimDriver(
                self._manager.stage.world, (host,), endpoint=endpoint.id, pool=endpoint.pool
            )
            self._wires[endpoint] = Wire(self._manager, host, driver)
        return guarded(endpoint, self._wires[endpoint])  # type: ignore[arg-type]

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        return EndpointHealth(id=endpoint_id)

    def forget(self, endpoint_id: EndpointId) -> None:
        self._wires = {key: one for key, one in self._wires.items() if key.id != endpoint_id}


def endpoint_of(host: HostId) -> Endpoint:
    return Endpoint(id=EndpointId(f"e-{host}"), driver="sim", uri=f"sim://world/{host}")
