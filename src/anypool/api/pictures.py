"""The route of plans as pictures."""

from litestar import get
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.plan.picture import HostPicture, Timed


class PictureView(Struct, frozen=True, kw_only=True):
    """Hosts before and after a plan, the fullest first, and when each step would run.

    `kept` if this is the inventory that the plan was made from, else it is that of now, where
    steps that ran change nothing. `others` counts hosts of the same pools that are not shown,
    `more` those concerned that are too many. `stopped_at` is the first step that could not
    run on this inventory, 0 if all could.
    """

    plan: str
    kept: bool
    hosts: tuple[HostPicture, ...]
    others: int
    least_percent: int
    most_percent: int
    more: int
    steps: tuple[Timed, ...]
    stopped_at: int


@get("/plans/{plan:str}/picture", sync_to_thread=True)
def get_plan_picture(services: Use, by: By, plan: Key) -> PictureView:
    """Show hosts before and after a plan, which step moves what, and when it would run."""
    found = services.pictures.plan(by, plan)
    seen = found.picture
    return PictureView(
        plan=plan,
        kept=found.kept,
        hosts=seen.hosts,
        others=seen.others,
        least_percent=seen.least_percent,
        most_percent=seen.most_percent,
        more=seen.more,
        steps=seen.steps,
        stopped_at=seen.stopped_at,
    )


ROUTES = (get_plan_picture,)
