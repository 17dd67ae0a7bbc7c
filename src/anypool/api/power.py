"""The routes about saving power."""

from typing import Annotated, NamedTuple

from litestar import Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec.structs import replace

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.planviews import Accepted
from anypool.model import PowerSaving


def amounts(
    low_percent: Annotated[
        float,
        QueryParameter(ge=0, le=100, description="a host is closed if the others then are below"),
    ] = 40.0,
    high_percent: Annotated[
        float, QueryParameter(ge=0, le=100, description="a host is woken above it")
    ] = 75.0,
    reserve: Annotated[
        int, QueryParameter(ge=0, le=1000, description="open hosts that stay empty")
    ] = 0,
    proven_days: Annotated[
        int, QueryParameter(ge=1, le=3650, description="so long a proof of waking holds")
    ] = 30,
    renew: Annotated[
        bool, QueryParameter(description="prove an empty host anew whose proof is too old")
    ] = False,
) -> PowerSaving:
    """Return how much is kept, at any time."""
    return PowerSaving(
        low_percent=low_percent,
        high_percent=high_percent,
        reserve=reserve,
        proven_days=proven_days,
        renew=renew,
    )


def bounds(
    amounts: NamedDependency[PowerSaving],
    keep: Annotated[str, QueryParameter(description="query for hosts that stay on")] = "",
    window: Annotated[
        str, QueryParameter(description="when hosts may be closed, `mon-fri 20:00-06:00` in UTC")
    ] = "",
    up: Annotated[
        str, QueryParameter(description="when all hosts are to be up, in the same form")
    ] = "",
) -> PowerSaving:
    """Return how much is kept, and when."""
    return replace(amounts, keep=keep, window=window, up=up)


class Asked(NamedTuple):
    """The bounds, and the failures that a policy of another kind would state."""

    bounds: PowerSaving
    failures: int


def asked(
    bounds: NamedDependency[PowerSaving],
    failures: Annotated[
        int, QueryParameter(ge=0, le=8, description="failures of hosts that are survived")
    ] = 0,
) -> Asked:
    """Return all that is asked."""
    return Asked(bounds, failures)


_DEED = {
    "amounts": Provide(amounts, sync_to_thread=False),
    "bounds": Provide(bounds, sync_to_thread=False),
    "asked": Provide(asked, sync_to_thread=False),
}


@post(
    "/pools/{key:str}/save-power",
    status_code=202,
    responses=PREVIEW,
    dependencies=_DEED,
    sync_to_thread=True,
)
def save_power(
    services: Use,
    by: By,
    key: Key,
    asked: NamedDependency[Asked],
    dry_run: DryRun = False,
) -> Response[Accepted]:
    """Close one host of a pool that is not needed, or wake one that is."""
    proposal = services.power.save(by, key, asked.bounds, asked.failures, dry_run=dry_run)
    return proposed(services, by, proposal)


@post("/hosts/{key:str}/prove-wake", status_code=202, responses=PREVIEW, sync_to_thread=True)
def prove_wake(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Empty a host, switch it off and on again, and keep that it wakes."""
    return proposed(services, by, services.power.prove(by, key, dry_run=dry_run))


ROUTES = (save_power, prove_wake)
