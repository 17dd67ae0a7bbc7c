"""The routes that bring profiles to servers and take them away."""

from typing import Annotated

from litestar import Response, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.planviews import Accepted
from anypool.api.vms import Text
from anypool.service.bearing import Asked

Words = Annotated[str, Meta(max_length=500)]


class AssignBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a profile is to be: a server or a slot (`CHASSIS/SLOT`); "" is the best spare.

    `dead` is why the server that has it now is dead, where nobody can see that it is off. With
    `force` its operating system is not asked to shut down.
    """

    to: Text = ""
    dead: Words = ""
    force: bool = False


class UnassignBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a profile is taken away; see `AssignBody`."""

    dead: Words = ""
    force: bool = False


@post("/profiles/{key:str}/assign", status_code=202, responses=PREVIEW, sync_to_thread=True)
def assign_profile(
    services: Use, by: By, key: Key, data: JSONBody[AssignBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Bring a profile to a server; its old server is switched off and seen off before."""
    asked = Asked(to=data.to, dead=data.dead, force=data.force)
    proposal = services.bearing.assign(by, key, asked, dry_run=dry_run)
    return proposed(services, by, proposal)


@post("/profiles/{key:str}/unassign", status_code=202, responses=PREVIEW, sync_to_thread=True)
def unassign_profile(
    services: Use, by: By, key: Key, data: JSONBody[UnassignBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Take a profile from its server, which is off and has its own addresses then."""
    asked = Asked(dead=data.dead, force=data.force)
    proposal = services.bearing.unassign(by, key, asked, dry_run=dry_run)
    return proposed(services, by, proposal)


ROUTES = (assign_profile, unassign_profile)
