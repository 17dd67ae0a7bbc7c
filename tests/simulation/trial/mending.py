"""The end of all trouble."""

from anypool.drivers.sim import BmcMood
from tests.simulation.trial.faults import comes_back, heal, lives
from tests.simulation.trial.stage import Stage
from tests.simulation.trial.timed_manager import Manager


def mended(stage: Stage) -> None:
    """End all trouble."""
    stage.armed.clear()
    stage.stall = None
    for manager in stage.managers:
        _rest(manager)
    for host in stage.hosts:
        stage.world.set_bmc(host, BmcMood.WORKS)
        stage.thaw(host)
        heal(stage, host)
        comes_back(stage, host)
    stage.world.clear_faults()


def started(stage: Stage) -> None:
    """Start the hosts that were switched off since all trouble ended, as people do."""
    for host in stage.hosts:
        if not lives(stage, host):
            comes_back(stage, host)


def over(stage: Stage) -> bool:
    """Return whether nothing is left to be mended."""
    return not stage.later and all(lives(stage, host) for host in stage.hosts)


def _rest(manager: Manager) -> None:
    manager.links.clear()
    manager.crash_in = manager.unsure_in = 0
    manager.database_until = manager.still_until = 0.0
    manager.boot_if_down()
