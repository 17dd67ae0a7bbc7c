"""`anypool pool consolidate`: the fewest hosts that carry the measured loads."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, How, do
from anypool.cli.words import to_seconds


@Parameter(name="*", group="What counts")
@dataclass(frozen=True, kw_only=True)
class Counted:
    """Which loads are looked at, and what is kept free."""

    window: Annotated[str, Parameter(help="how far back loads are looked at: 14d, 4w")] = "30d"
    percentile: Annotated[
        float, Parameter(help="of the readings in each hour of the week that count")
    ] = 95.0
    headroom: Annotated[
        float, Parameter(help="percent of each host's CPUs that stay free in every hour")
    ] = 20.0
    failures: Annotated[
        int, Parameter(help="failures of hosts that are survived without the emptied ones")
    ] = 0
    at_least: Annotated[
        int,
        Parameter(
            help="hours of the week; a VM that was measured in fewer counts as large as configured"
        ),
    ] = 24

    @property
    def query(self) -> Json:
        """Return what the request says of it; raise `Invalid` for a time that is none."""
        return {
            "window_s": to_seconds(self.window),
            "percentile": self.percentile,
            "headroom_percent": self.headroom,
            "failures": self.failures,
            "least_hours": self.at_least,
        }


USUALLY = Counted()


def consolidate(
    name: str,
    /,
    *,
    counted: Counted = USUALLY,
    close: Annotated[
        bool, Parameter(negative="", help="put the emptied hosts into maintenance")
    ] = False,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Move VMs so that the fewest hosts of a pool carry their load curves; the others run empty.

    Such as `anypool pool consolidate default --failures 1 --dry-run`. Loads are added up for
    each hour of the week, so that VMs which are busy at different hours share a host.
    """
    path, query = f"/pools/{key(name)}/consolidate", counted.query
    if close:
        query["close"] = True
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry, **query))
