"""The route of death certificates."""

from typing import Any

import msgspec
from litestar import get
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.incidents import EntryView, entry_view
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.views import time_or_none
from anypool.model import Inventory
from anypool.plan import names_in, reason
from anypool.plan.render import Names
from anypool.service.deaths import Death, Rested


class RestedView(Struct, frozen=True, kw_only=True):
    """A VM that was started on `host` because of a proof; times are null for never."""

    vm: str
    vm_name: str
    host: str
    host_name: str
    plan: str
    operation: str
    step: int
    state: str
    began_at: float | None
    ended_at: float | None


class DeathView(Struct, frozen=True, kw_only=True):
    """The certificate of a host's death.

    `kind` is power-off, said-gone, stated or lease-expired; `why` tells the proof, `proof` is all
    of it as the first start bore it, null where nothing was started. `covers` and `covers_not`
    say what such a proof rules out and what it does not. `seen` is what was observed and decided
    about the host before; `rested` are the VMs that were started because of it.
    """

    host: str
    host_name: str
    kind: str
    at: float
    why: str
    reason: ReasonView | None
    covers: str
    covers_not: str
    proof: dict[str, Any] | None
    seen: tuple[EntryView, ...]
    rested: tuple[RestedView, ...]


class DeathsView(Struct, frozen=True, kw_only=True):
    """All certificates of an incident, the first first."""

    items: tuple[DeathView, ...]


@get("/ha/incidents/{key:str}/certificates", sync_to_thread=True)
def list_death_certificates(services: Use, by: By, key: Key) -> DeathsView:
    """Show which proofs of death there were in an incident, from whom, and what rested on them."""
    inventory = services.pool.inventory(by)
    found = services.deaths.of_incident(by, key)
    return DeathsView(items=tuple(_death(one, inventory) for one in found))


def _death(one: Death, inventory: Inventory) -> DeathView:
    names = names_in(inventory)
    return DeathView(
        host=one.host,
        host_name=names(one.host),
        kind=one.kind,
        at=one.at,
        why=told(one.said),
        reason=reason_view(one.said),
        covers=told(reason(f"proof.covers-{one.kind}")),
        covers_not=told(reason(f"proof.covers-not-{one.kind}")),
        proof=None if one.proof is None else msgspec.to_builtins(one.proof),
        seen=tuple(entry_view(entry, inventory) for entry in one.seen),
        rested=tuple(_rested(start, names) for start in one.rested),
    )


def _rested(one: Rested, names: Names) -> RestedView:
    return RestedView(
        vm=one.vm,
        vm_name=names(one.vm),
        host=one.host,
        host_name=names(one.host),
        plan=one.plan,
        operation=one.operation,
        step=one.step,
        state=one.state,
        began_at=time_or_none(one.began_at),
        ended_at=time_or_none(one.ended_at),
    )


ROUTES = (list_death_certificates,)
