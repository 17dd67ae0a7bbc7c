"""The routes that make plans again."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.differences import ComparedView, compared_view
from anypool.api.language import told
from anypool.model import Inventory
from anypool.plan import Cost, names_in
from anypool.planner.figures import Figures
from anypool.service.replays import Replayed

Planner = Annotated[str, QueryParameter(max_length=40, description="name of a planner")]
PoolName = Annotated[str, QueryParameter(max_length=255, description="the pool to balance")]


class PlannerView(Struct, frozen=True, kw_only=True):
    """A planner that plans can be made again with."""

    name: str
    meaning: str


class PlannerList(Struct, frozen=True, kw_only=True):
    """All planners."""

    items: tuple[PlannerView, ...]


class FiguresView(Struct, frozen=True, kw_only=True):
    """A plan in numbers; `before` and `after` are imbalances in hundredths of a percent.

    `after` is null for a plan that could not run on its inventory; `violations` is how much
    the checker has against it.
    """

    moves: int
    steps: int
    cost: Cost
    before: int
    after: int | None
    violations: int
    objections: tuple[str, ...]


class ReplayView(Struct, frozen=True, kw_only=True):
    """A plan as it was decided, beside what a planner makes of the same inventory and wish.

    `verdict` is `same`, `differs`, `refused`, `not-for-it`, `no-inputs`, `no-inventory` or
    `unreadable`. With the planner `new`, `same` means the same bytes. `fields` names what of
    the plan differs. `cut` says that time ended the search.
    """

    subject: str
    at: float
    goal: str
    planner: str
    release_then: str | None
    release_now: str
    verdict: str
    why: str
    decided: FiguresView | None
    found: FiguresView | None
    fields: tuple[str, ...]
    steps: tuple[ComparedView, ...]
    cut: bool


@get("/planners", sync_to_thread=True)
def list_planners(services: Use, by: By) -> PlannerList:
    """List the planners that plans can be made again with."""
    found = services.replays.planners(by)
    return PlannerList(items=tuple(PlannerView(name=v.name, meaning=v.meaning) for v in found))


@get("/plans/{plan:str}/replay", sync_to_thread=True)
def replay_plan(services: Use, by: By, plan: Key, planner: Planner = "new") -> ReplayView:
    """Make a plan again from what was kept with it; nothing is stored or done."""
    return _view(services.replays.plan(by, plan, planner), services.pool.inventory(by))


@get("/inventories/{key:str}/replay", sync_to_thread=True)
def replay_inventory(
    services: Use, by: By, key: Key, planner: Planner = "new", pool: PoolName = "default"
) -> ReplayView:
    """Balance a pool as it was, by the planner `new` and by another one; nothing is done."""
    found = services.replays.inventory(by, key, planner, pool)
    return _view(found, services.pool.inventory(by))


def _view(found: Replayed, inventory: Inventory) -> ReplayView:
    names, again = names_in(inventory), found.again
    return ReplayView(
        subject=found.subject,
        at=found.at,
        goal=told(found.goal),
        planner=found.planner,
        release_then=found.then or None,
        release_now=found.now,
        verdict=again.verdict,
        why=again.why,
        decided=_figures(again.decided),
        found=_figures(again.found),
        fields=again.fields,
        steps=tuple(compared_view(one, (names, names)) for one in again.steps),
        cut=again.cut,
    )


def _figures(found: Figures | None) -> FiguresView | None:
    if found is None:
        return None
    return FiguresView(
        moves=found.moves,
        steps=found.steps,
        cost=found.cost,
        before=found.before,
        after=found.after,
        violations=found.violations,
        objections=tuple(map(told, found.objections)),
    )


ROUTES = (list_planners, replay_plan, replay_inventory)
