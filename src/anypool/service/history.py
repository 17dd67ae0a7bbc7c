"""How busy hosts and VMs were."""

from anypool.clock import Clock
from anypool.engine import Engine, Series, Span
from anypool.model import Host, Percentiles, Vm
from anypool.service import find
from anypool.service.access import Deed, Principal, require


class History:
    """Questions about loads of the past."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def host(
        self, by: Principal, key: str, metrics: tuple[str, ...], span: Span
    ) -> tuple[Host, Series]:
        """Return a host and its loads; raise `NotFound`, `Conflict` or `Invalid`.

        Times of the span that are not above 0 count from now.
        """
        require(by, Deed.READ)
        host = find.host(self._engine.inventory, key)
        return host, self._engine.keeping.history.series(host.id, metrics, self._absolute(span))

    def vm(
        self, by: Principal, key: str, metrics: tuple[str, ...], span: Span
    ) -> tuple[Vm, Series]:
        """Return a VM and its loads; times and errors as `host`."""
        require(by, Deed.READ)
        vm = find.vm(self._engine.inventory, key)
        return vm, self._engine.keeping.history.series(vm.id, metrics, self._absolute(span))

    def percentiles(self, by: Principal, object_id: str, metric: str, span: Span) -> Percentiles:
        """Return how a metric of a host or VM, by its id, was spread; `Invalid` as `host`."""
        require(by, Deed.READ)
        whole = self._absolute(span)
        return self._engine.keeping.history.percentiles(object_id, metric, whole.since, whole.until)

    def _absolute(self, span: Span) -> Span:
        now = self._clock.now()
        since, until = (now + at if at <= 0 else at for at in (span.since, span.until))
        return Span(since, until, span.step_s)
