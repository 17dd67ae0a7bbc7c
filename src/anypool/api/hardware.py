"""The route about other hardware."""

from math import isfinite
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.consolidations import BOUNDS
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.waiting import PLANS
from anypool.plan import reason
from anypool.planner.fewest.other import NAMED, Variant
from anypool.service.consolidations import Bounds
from anypool.service.hardware import Asked


class BoughtView(Struct, frozen=True, kw_only=True):
    """How many of one kind of server."""

    server: str
    count: int


class VariantView(Struct, frozen=True, kw_only=True):
    """One way to carry a pool.

    `hosts` are those that are kept and those that are bought, `spare` of these for failures;
    `survives` says whether they are enough. No choice of the same servers needs fewer than
    `bound` beside the spare ones; 0 where that was not asked. Energy and money are of a year,
    null where watts, prices or the tariff are unknown; `pays_back` is null then too, and false
    where nothing is saved.
    """

    name: str
    hosts: int
    kept: int
    bought: tuple[BoughtView, ...]
    spare: int
    bound: int
    carries: bool
    survives: bool
    why: str
    watts: float | None
    kwh: float | None
    money: float | None
    co2_kg: float | None
    purchase: float | None
    pays_back: bool | None
    payback_years: float | None


class NoteView(Struct, frozen=True, kw_only=True):
    """What is to be known, in words and as a value."""

    text: str
    reason: ReasonView | None


class HardwareView(Struct, frozen=True, kw_only=True):
    """Ways to carry a pool, the first as it is now."""

    currency: str
    variants: tuple[VariantView, ...]
    notes: tuple[NoteView, ...]


def variant_view(variant: Variant, names: tuple[str, ...]) -> VariantView:
    """Return one way to carry a pool as it is shown; `names` are those of its VMs."""
    mix, energy, years = variant.mix, variant.mix.energy, variant.payback_y
    left = [names[row] for row in mix.left]
    more = ("...",) if len(left) > NAMED else ()
    why = reason("hardware.left", count=len(left), vms=(*left[:NAMED], *more)) if left else None
    whole = not left
    return VariantView(
        name=variant.name if isinstance(variant.name, str) else told(variant.name),
        hosts=mix.hosts,
        kept=len(mix.kept),
        bought=tuple(BoughtView(server=name, count=count) for name, count in mix.bought),
        spare=mix.spare,
        bound=mix.bound,
        carries=whole,
        survives=mix.survives,
        why=told(why),
        watts=None if energy is None else round(1000 * energy.kwh / (24 * 365.25), 1),
        kwh=None if energy is None else round(energy.kwh, 1),
        money=None if energy is None or energy.money is None else round(energy.money, 2),
        co2_kg=None if energy is None or energy.co2_kg is None else round(energy.co2_kg, 1),
        purchase=mix.purchase,
        pays_back=None if years is None else isfinite(years),
        payback_years=None if years is None or not isfinite(years) else round(years, 2),
    )


def asked(
    servers: Annotated[
        str,
        QueryParameter(
            name="with",
            max_length=4000,
            description="servers that could be had, with semicolons: "
            "`4x new: 64 cpus, 512GiB, 350W..800W, 9000 EUR`",
        ),
    ] = "",
    without: Annotated[
        str, QueryParameter(max_length=2000, description="a query for the hosts that go")
    ] = "",
) -> Asked:
    """Return which servers could be had and which hosts go."""
    return Asked(servers=servers, without=without)


_ASKED = {**BOUNDS, "asked": Provide(asked, sync_to_thread=False)}


@get("/pools/{key:str}/hardware", dependencies=_ASKED, opt={PLANS: True}, sync_to_thread=True)
def pool_hardware(
    services: Use,
    by: By,
    key: Key,
    asked: NamedDependency[Asked],
    bounds: NamedDependency[Bounds],
) -> HardwareView:
    """Say how many of which servers would carry a pool, what they draw and when they pay back."""
    found = services.hardware.compare(by, key, asked, bounds)
    compared = found.compared
    return HardwareView(
        currency=found.currency,
        variants=tuple(variant_view(one, compared.names) for one in compared.variants),
        notes=tuple(NoteView(text=told(one), reason=reason_view(one)) for one in compared.notes),
    )


ROUTES = (pool_hardware,)
