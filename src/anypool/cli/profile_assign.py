"""`anypool profile assign`, `unassign`: profiles come to servers, and leave them."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, How, do


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Leaving:
    """How a profile leaves the server that has it now."""

    force: Annotated[
        bool, Parameter(help="switch that server off without asking its operating system")
    ] = False
    dead: Annotated[
        str,
        Parameter(help="you say that it is dead, and why; for a server whose BMC is silent"),
    ] = ""

    @property
    def body(self) -> Json:
        """Return what the request says."""
        return {name: value for name, value in vars(self).items() if value}


USUALLY = Leaving()


def assign(
    name: str,
    /,
    *,
    to: Annotated[str, Parameter(help="a server, or a slot such as bx1/3; else a spare")] = "",
    leaving: Leaving = USUALLY,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Bring a profile to a server; without --to to that in its slot, or to the best spare.

    The server that has it now is shut down and seen to be off before anything is written.
    """
    path, body = f"/profiles/{key(name)}/assign", leaving.body | ({"to": to} if to else {})
    return do(where, how, lambda client, dry: client.post(path, body, dry_run=dry))


def unassign(
    name: str, /, *, leaving: Leaving = USUALLY, how: How = PLAINLY, where: Where = HERE
) -> int:
    """Take a profile from its server, which is off and has its own addresses then."""
    path, body = f"/profiles/{key(name)}/unassign", leaving.body
    question = f"Take {name} from its server? That is switched off."
    return do(
        where, how, lambda client, dry: client.post(path, body, dry_run=dry), question=question
    )
