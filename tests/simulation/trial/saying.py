"""A person says that a host is dead, by the use case that asks whether it may be said."""

from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import HostId
from anypool.service.access import Principal
from anypool.service.failures import Failures
from anypool.service.ha import Ha
from anypool.store import act
from anypool.store.records import Role
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager


def say_dead(stage: Stage, manager: Manager, host: HostId) -> None:
    """Say so; raise what the use case raises. What is not refused was said, if also unheard."""
    person = Principal(name="ada", role=Role.OPERATOR, proof="session")
    cases = Ha(manager.engine, manager.store, manager.guard, Failures(manager.engine))
    refused = False
    try:
        cases.confirm_dead(person, host, "the rack burnt")
    except (Conflict, Invalid, NotFound):
        refused = True
        raise
    finally:
        act.begin(None)
        if not refused:
            stage.oracle.proven(host)
