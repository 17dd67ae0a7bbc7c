"""Whether a VM may run where nobody looks: asked before what would harm it then."""

from anypool.engine.observing.observe import Observer
from anypool.model import (
    Capability,
    HostId,
    HostState,
    Inventory,
    Job,
    JobState,
    Vm,
    VmId,
)
from anypool.plan import (
    Action,
    DeleteVm,
    MigrateVm,
    MoveDisks,
    ResumeVm,
    StartAfterFailure,
    StartVm,
)
from anypool.planner.ha.astray import MOST, Astray

MUST_BE_ALONE = (StartVm, StartAfterFailure, ResumeVm, DeleteVm, MoveDisks)
"""What harms a VM that runs where nobody looks."""


class Alone:
    """Looks for a VM that nobody saw end, through an observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def find(self, action: Action, vm: VmId) -> None:
        """Ask who answers and may have been given a VM that nobody saw end, not too many."""
        known = self._observer.inventory.vms.get(vm)
        if known is None or not must_be_alone(action, known, None):
            return
        for endpoint in self._observer.unasked(known)[:MOST]:
            self._observer.ask_about(endpoint, (vm,))

    def open(self, vm: Vm, inventory: Inventory) -> tuple[HostId, ...]:
        """Return the silent hosts on which a VM may run that nobody saw end, and nothing proves.

        Those of an endpoint that somebody vouched for after a restore are none. Their power is
        asked for: two answers that it is off are a proof, which the next look has.
        """
        vitals = self._observer.vitals
        hosts = Astray(inventory, vitals.last, vitals.moments.now()).may_run_on(vm)
        if unasked := self._observer.unasked(vm):  # more than were asked just now
            hosts += tuple(one.id for one in inventory.hosts.values() if one.endpoint in unasked)
        vouched = self._observer.vouched() if hosts else ()
        unsaid = (key for key in hosts if inventory.hosts[key].endpoint not in vouched)
        open_ = tuple(key for key in unsaid if vitals.proof(key) is None)
        for host in (inventory.hosts[key] for key in open_):
            if host.state is not HostState.UP and Capability.HOST_POWER in host.capabilities:
                vitals.read_power(host.id)
        return open_


def must_be_alone(action: Action, vm: Vm, job: Job | None) -> bool:
    """Return whether an action harms a VM that runs where nobody looks.

    So does the end of a migration, where the copy that arrived is resumed because the source is
    gone: unless the platform says that it has moved it, another tool may have.
    """
    if isinstance(action, MigrateVm):
        return vm.is_astray and (job is None or job.state is not JobState.DONE)
    return isinstance(action, MUST_BE_ALONE)
