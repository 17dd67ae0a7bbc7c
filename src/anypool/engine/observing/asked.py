"""When who answers was last asked about a VM, and whom to ask once more: no I/O."""

from collections.abc import Callable, Mapping

from anypool.engine.observing.vitals import Vitals
from anypool.model import EndpointId, Vm, VmId, VmState
from anypool.model.proof import proven_since
from anypool.planner.ha.astray import seen_to_the_end


class Asked:
    """When the last answered question to each endpoint was put: about all, and about some VMs."""

    def __init__(self) -> None:
        self._whole: dict[EndpointId, float] = {}
        self._some: dict[EndpointId, dict[VmId, float]] = {}

    def note(self, endpoint: EndpointId, vms: tuple[VmId, ...] | None, at: float) -> None:
        """Take note of a question put at `at` and answered since; None is one about all."""
        if vms is None:
            self._whole[endpoint] = at
            self._some.pop(endpoint, None)
        else:
            self._some.setdefault(endpoint, {}).update(dict.fromkeys(vms, at))

    def at(self, endpoint: EndpointId, vm: VmId) -> float:
        """Return when an endpoint was asked about a VM, 0 for before all this."""
        some = self._some.get(endpoint, {})
        return max(some.get(vm, 0.0), self._whole.get(endpoint, 0.0))

    def forget(self, endpoint: EndpointId) -> None:
        """Forget an endpoint."""
        self._whole.pop(endpoint, None)
        self._some.pop(endpoint, None)


def unasked(
    vm: Vm, vitals: Vitals, able: Callable[[Vm], Mapping[EndpointId, float]]
) -> tuple[EndpointId, ...]:
    """Return who answers and may have been given a VM after it was asked about it last.

    That can have been until the hosts that had it were dead. `able` are those that could have
    it, and when each was asked; never, if that was before it was found gone.
    """
    if seen_to_the_end(vm, vitals.last, vitals.moments.now()):
        return ()
    silent = {one.host for one in vm.copies if one.state is VmState.UNKNOWN}
    silent |= {vm.host} if vm.host and vm.state is VmState.UNKNOWN else set()
    proofs = [one for key in silent if (one := vitals.proof(key)) is not None]
    died_at = max((proven_since(one) for one in proofs), default=0.0)
    if not died_at and not vm.is_astray:
        return ()  # it waits for a proof, and so do hundreds with it, each second
    return tuple(key for key, at in able(vm).items() if at < died_at)
