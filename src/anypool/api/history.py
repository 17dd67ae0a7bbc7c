"""The routes of loads over time."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.engine import Column, Series, Span
from anypool.model import METRICS, Host, Vm

_UNITS = {metric.name: metric.unit for metric in METRICS}


class Period(Struct, frozen=True, kw_only=True):
    """Which metrics over which time are wanted."""

    metrics: tuple[str, ...]
    span: Span


def asked(
    metric: Annotated[
        str, QueryParameter(max_length=200, description="metrics, with commas; all if empty")
    ] = "",
    since: Annotated[
        float,
        QueryParameter(description="seconds since 1970, or below 0 seconds before now"),
    ] = -3600.0,
    until: Annotated[float, QueryParameter(description="end, as `since`; 0 is now")] = 0.0,
    step: Annotated[
        int, QueryParameter(ge=0, le=10**8, description="seconds between two times; 0 chooses")
    ] = 0,
) -> Period:
    """Return what is wanted of the past."""
    names = tuple(name.strip() for name in metric.split(",") if name.strip())
    return Period(metrics=names, span=Span(since, until, step))


_PERIOD = {"period": Provide(asked, sync_to_thread=False)}


class SpreadView(Struct, frozen=True, kw_only=True):
    """How the values of the whole span were spread; null if nothing was measured."""

    samples: int
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


class ColumnView(Struct, frozen=True, kw_only=True):
    """One metric: a value for each of the times, null where nobody measured."""

    unit: str
    min: tuple[float | None, ...]
    mean: tuple[float | None, ...]
    max: tuple[float | None, ...]
    whole: SpreadView


class HistoryView(Struct, frozen=True, kw_only=True):
    """The loads of a host or VM; `times` are when each step begins, seconds since 1970."""

    id: str
    name: str
    step_s: int
    times: tuple[int, ...]
    metrics: dict[str, ColumnView]


@get("/hosts/{key:str}/history", dependencies=_PERIOD, sync_to_thread=True)
def host_history(services: Use, by: By, key: Key, period: NamedDependency[Period]) -> HistoryView:
    """Show how busy a host was."""
    return _view(*services.history.host(by, key, period.metrics, period.span))


@get("/vms/{key:str}/history", dependencies=_PERIOD, sync_to_thread=True)
def vm_history(services: Use, by: By, key: Key, period: NamedDependency[Period]) -> HistoryView:
    """Show how busy a VM was."""
    return _view(*services.history.vm(by, key, period.metrics, period.span))


def _view(what: Host | Vm, series: Series) -> HistoryView:
    columns = {name: _column(name, column) for name, column in series.columns.items()}
    return HistoryView(
        id=what.id, name=what.name, step_s=series.step_s, times=series.times, metrics=columns
    )


def _column(name: str, column: Column) -> ColumnView:
    whole = column.whole
    spread = SpreadView(
        samples=whole.count,
        mean=_short(whole.mean),
        p50=_short(whole.p50),
        p90=_short(whole.p90),
        p95=_short(whole.p95),
        p99=_short(whole.p99),
        max=_short(whole.max),
    )
    return ColumnView(
        unit=_UNITS[name], min=column.min, mean=column.mean, max=column.max, whole=spread
    )


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


ROUTES = (host_history, vm_history)
