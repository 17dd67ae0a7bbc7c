"""The route of the pool as one file."""

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from anypool.api.asking import By, Use
from anypool.exchange.poolfile import as_data
from anypool.service.exports import LONGEST_LOADS_S

Pools = Annotated[
    str, QueryParameter(max_length=2000, description="names of pools, with commas; all if empty")
]
Loads = Annotated[
    int,
    QueryParameter(
        ge=0, le=LONGEST_LOADS_S, description="seconds of the past whose loads come with it"
    ),
]


@get("/export", sync_to_thread=True)
def export_pool(services: Use, by: By, pools: Pools = "", loads_s: Loads = 0) -> dict[str, Any]:
    """Return everything that planners need of the pool, to plan with elsewhere."""
    names = tuple(name.strip() for name in pools.split(",") if name.strip())
    return as_data(services.exports.pool(by, names, loads_s))


ROUTES = (export_pool,)
