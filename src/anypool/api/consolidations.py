"""The routes about needing fewer hosts."""

from typing import Annotated

from litestar import Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.planviews import Accepted
from anypool.service.consolidations import Bounds


def bounds(
    window_s: Annotated[
        int, QueryParameter(ge=3600, description="seconds of loads that are looked at")
    ] = 30 * 86_400,
    percentile: Annotated[
        float, QueryParameter(gt=0, le=100, description="of the readings in each hour of the week")
    ] = 95.0,
    headroom_percent: Annotated[
        float, QueryParameter(ge=0, lt=100, description="of each host's CPUs, free in every hour")
    ] = 20.0,
    failures: Annotated[
        int, QueryParameter(ge=0, le=8, description="survived without the emptied hosts")
    ] = 0,
    least_hours: Annotated[
        int,
        QueryParameter(
            ge=1, le=168, description="a VM measured in fewer counts with its configured size"
        ),
    ] = 24,
) -> Bounds:
    """Return what counts."""
    return Bounds(
        window_s=window_s,
        percentile=percentile,
        headroom_percent=headroom_percent,
        failures=failures,
        least_hours=least_hours,
    )


class Emptying(Struct, frozen=True):
    """What becomes of emptied hosts, and whether anything is done."""

    close: bool
    dry_run: bool


def emptying(
    close: Annotated[
        bool, QueryParameter(description="put the emptied hosts into maintenance")
    ] = False,
    dry_run: DryRun = False,
) -> Emptying:
    """Return what becomes of emptied hosts, and whether anything is done."""
    return Emptying(close=close, dry_run=dry_run)


BOUNDS = {"bounds": Provide(bounds, sync_to_thread=False)}
_DEED = {**BOUNDS, "emptying": Provide(emptying, sync_to_thread=False)}


@post(
    "/pools/{key:str}/consolidate",
    status_code=202,
    responses=PREVIEW,
    dependencies=_DEED,
    sync_to_thread=True,
)
def consolidate_pool(
    services: Use,
    by: By,
    key: Key,
    bounds: NamedDependency[Bounds],
    emptying: NamedDependency[Emptying],
) -> Response[Accepted]:
    """Move VMs so that the fewest hosts of a pool carry their load curves."""
    found = services.consolidations.pool(
        by, key, bounds, close=emptying.close, dry_run=emptying.dry_run
    )
    return proposed(services, by, found)


ROUTES = (consolidate_pool,)
