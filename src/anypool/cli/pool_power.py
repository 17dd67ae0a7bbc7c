"""`anypool pool save-power`: close a host that is not needed, or wake one that is."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, How, do


@Parameter(name="*", group="What is kept")
@dataclass(frozen=True, kw_only=True)
class Kept:
    """How busy hosts may be, and which stay on."""

    low: Annotated[
        float, Parameter(help="percent; a host is closed if the others then are at most so busy")
    ] = 40.0
    high: Annotated[float, Parameter(help="percent; a host is woken above it")] = 75.0
    reserve: Annotated[int, Parameter(help="open hosts that stay empty")] = 0
    failures: Annotated[int, Parameter(help="failures of hosts that are survived")] = 0
    proven_days: Annotated[
        int, Parameter(help="only hosts are closed that were seen to wake in so many days")
    ] = 30
    renew: Annotated[
        bool, Parameter(negative="", help="prove an empty host anew whose proof is too old")
    ] = False
    keep: Annotated[str, Parameter(help="query for hosts that stay on, such as 'tag = core'")] = ""
    window: Annotated[
        str, Parameter(help="when hosts may be closed: 'mon-fri 20:00-06:00', in UTC")
    ] = ""
    up: Annotated[str, Parameter(help="when all hosts are to be up, in the same form")] = ""

    @property
    def query(self) -> Json:
        """Return what the request says of it."""
        asked: Json = {
            "low_percent": self.low,
            "high_percent": self.high,
            "reserve": self.reserve,
            "failures": self.failures,
            "proven_days": self.proven_days,
        }
        asked |= {"renew": "true"} if self.renew else {}
        texts = {"keep": self.keep, "window": self.window, "up": self.up}
        return asked | {name: text for name, text in texts.items() if text}


USUALLY = Kept()


def save_power(
    name: str, /, *, kept: Kept = USUALLY, how: How = PLAINLY, where: Where = HERE
) -> int:
    """Switch off one host of a pool that is not needed, or wake one that is; else say why not.

    Such as `anypool pool save-power default --failures 1 --dry-run`. Hosts that somebody else
    switched off are left alone. A host is closed only after `anypool host prove-wake`.
    """
    path = f"/pools/{key(name)}/save-power"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry, **kept.query))
