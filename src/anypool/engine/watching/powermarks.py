"""A host that is up is not one that we keep off, whoever switched it on.

Else a host that a person switched on, and then off for good, would be woken again.
"""

from anypool.engine.engine import Engine
from anypool.model import HostState


def lift(engine: Engine) -> None:
    """Take the mark from every host that was seen up since we switched it off."""
    for host in engine.inventory.hosts.values():
        if host.power_saved and host.state is HostState.UP:
            engine.lift_power_mark(host.id)
