"""A person says that a host is dead, by the use case that asks whether it may be said."""

from anypool.model import HostId
from anypool.service.access import Principal
from anypool.service.failures import Failures
from anypool.service.ha import Ha
from anypool.store import act
from anypool.store.records import Role
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager


def say_dead(stage: Stage, manager: Manager, host: HostId) -> None:
    """Say so; raise what the use case raises."""
    person = Principal(name="ada", role=Role.OPERATOR, proof="session")
    cases = Ha(manager.engine, manager.store, manager.guard, Failures(manager.engine))
    try:
        cases.confirm_dead(person, host, "the rack burnt")
    finally:
        act.begin(None)
    stage.oracle.proven(host)
