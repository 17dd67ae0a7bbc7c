"""What VMs used of late, from the loads that are kept."""

from collections.abc import Callable, Iterable

from anypool.clock import Clock
from anypool.engine.loads.history import History, Span
from anypool.engine.loads.load import LoadRate, Loads
from anypool.model import UNMEASURED, Percentiles, Usage, VmId
from anypool.model.metric import METRIC_NAMES

LOOKBACK_S = 3600
"""How far back is looked if nobody says."""


class Usages:
    """Answers from kept loads: what nine of ten of the last values do not exceed.

    Of a VM of which nothing is kept yet, the load of this moment counts.
    """

    def __init__(self, history: History, loads: Callable[[], Loads], clock: Clock) -> None:
        self._history = history
        self._loads = loads
        self._clock = clock

    def then(
        self, vms: Iterable[VmId], at: float, lookback_s: int = LOOKBACK_S
    ) -> dict[VmId, Usage]:
        """Return the usage of VMs over the seconds before a moment, as far as it is kept."""
        names = sorted(vms)
        kept = self._history.spread(names, Span(at - lookback_s, at))
        return {vm: _usage(kept[vm]) or UNMEASURED for vm in names}

    def of(self, vms: Iterable[VmId], lookback_s: int = LOOKBACK_S) -> dict[VmId, Usage]:
        """Return the usage of VMs over the last `lookback_s` seconds."""
        now, names = self._clock.now(), sorted(vms)
        kept = self._history.spread(names, Span(now - lookback_s, now))
        loads = self._loads()
        return {vm: _usage(kept[vm]) or _usage_now(loads.get(vm)) for vm in names}


def _usage(spread: tuple[Percentiles, ...]) -> Usage | None:
    busy = {name: one.p90 for name, one in zip(METRIC_NAMES, spread, strict=True)}
    cpu = busy["cpu_percent"]
    if cpu is None:
        return None
    return Usage(
        cpu_percent=round(cpu, 1),
        network_bytes_s=_both(busy["net_received_bytes_s"], busy["net_sent_bytes_s"]),
        disk_bytes_s=_both(busy["disk_read_bytes_s"], busy["disk_written_bytes_s"]),
    )


def _both(one: float | None, other: float | None) -> float:
    return -1.0 if one is None or other is None else float(round(one + other))


def _usage_now(load: LoadRate | None) -> Usage:
    if load is None or not load.cpu_percent:
        return UNMEASURED  # before the second reading nobody knows a rate
    return Usage(
        cpu_percent=round(load.cpu_percent, 1),
        network_bytes_s=float(round(load.net_received_bytes_s + load.net_sent_bytes_s)),
        disk_bytes_s=float(round(load.disk_read_bytes_s + load.disk_written_bytes_s)),
    )
