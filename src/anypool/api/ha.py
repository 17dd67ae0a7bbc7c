"""The routes of high availability."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.language import ReasonView, reason_view, told
from anypool.engine.ha.standing import Standing
from anypool.model import Inventory, Proof
from anypool.plan import Reason, names_in
from anypool.plan.render import told_proof
from anypool.planner.ha.decide import NeedsProof, Recover
from anypool.planner.ha.detect import Heard
from anypool.service.ha import LONGEST_WORDS, Braked, GuardedVm, OneHost, Overview


class ConfirmBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a host is said to be dead."""

    reason: Annotated[str, Meta(min_length=1, max_length=LONGEST_WORDS)]


class StatedView(Struct, frozen=True, kw_only=True):
    """What somebody said of a host; `audit` is its row of the audit trail."""

    host: str
    by: str
    at: float
    reason: str
    audit: int


class PathView(Struct, frozen=True, kw_only=True):
    """What one path to a host said last, when, and when it last showed life; 0 for never.

    `by` names the neighbour or the VM that says so, empty for the host itself.
    """

    path: str
    word: str
    at: float
    life_at: float
    by: str


class HostHaView(Struct, frozen=True, kw_only=True):
    """A guarded host: what happened to it, what is done about it and why.

    `would_do` are the proofs that are missing and would do, if the decision is `needs-proof`.
    `together` are hosts that fell silent at the same time.
    """

    host: str
    host_id: str
    policy: str
    condition: str
    life_at: float
    decision: str
    why: str
    reason: ReasonView | None
    said: str
    at_risk: int
    would_do: tuple[str, ...]
    evidence: tuple[PathView, ...]
    together: tuple[str, ...]


class VmHaView(Struct, frozen=True, kw_only=True):
    """How far a VM is protected; `down` says what ails it, or why it stays down."""

    vm: str
    vm_id: str
    host: str
    protection: str
    why: str
    reason: ReasonView | None
    down: str


class PolicyHaView(Struct, frozen=True, kw_only=True):
    """A policy of the kind `ha`: its hosts, how many were switched off lately and may be.

    For `cold_left_s` nobody is, since this manager has just begun.
    """

    policy: str
    level: str
    hosts: int
    fences: int
    fences_most: int
    cold_left_s: float


class HaView(Struct, frozen=True, kw_only=True):
    """What is guarded; `protection` counts VMs that run or are to, `exposed` those less protected.

    `unguarded` counts VMs that run where no policy of the kind `ha` is. `vms` are all, if
    asked for.
    """

    policies: tuple[PolicyHaView, ...]
    hosts: tuple[HostHaView, ...]
    protection: dict[str, int]
    exposed: tuple[VmHaView, ...]
    unguarded: int
    vms: tuple[VmHaView, ...]


class OneHostView(Struct, frozen=True, kw_only=True):
    """One host: `proof` is what shows now that it is dead, empty if nothing does."""

    host: str
    host_id: str
    standing: HostHaView | None
    proof: str
    vms: tuple[VmHaView, ...]


_DECISIONS = {
    "Leave": "leave",
    "Hold": "hold",
    "ReadPower": "read-power",
    "Fence": "fence",
    "Recover": "recover",
    "NeedsProof": "needs-proof",
}


@get("/ha", sync_to_thread=True)
def get_ha(
    services: Use,
    by: By,
    every: Annotated[bool, QueryParameter(description="with every VM")] = False,
) -> HaView:
    """Show which hosts are guarded, how they are judged, and which VMs are not protected."""
    return _view(services.ha.overview(by, every=every))


@get("/hosts/{key:str}/ha", sync_to_thread=True)
def get_ha_host(services: Use, by: By, key: Key) -> OneHostView:
    """Show what each path says of a host, what is decided, and its VMs."""
    return _host_view(services.ha.host(by, key))


@get("/vms/{key:str}/ha", sync_to_thread=True)
def get_ha_vm(services: Use, by: By, key: Key) -> VmHaView:
    """Show whether a VM would run again if its host died now, and why not."""
    return _vm_view(services.ha.vm(by, key), services.pool.inventory(by))


@delete("/vms/{key:str}/ha", status_code=204, sync_to_thread=True)
def release_ha_vm(services: Use, by: By, key: Key) -> None:
    """Let a VM that is down stay down: it is not started again."""
    services.ha.release(by, key)


@post("/hosts/{key:str}/confirm-dead", status_code=201, sync_to_thread=True)
def confirm_dead(services: Use, by: By, key: Key, data: JSONBody[ConfirmBody]) -> StatedView:
    """Say by your name that a silent host is dead and stays so; its VMs start elsewhere then."""
    said = services.ha.confirm_dead(by, key, data.reason)
    return StatedView(host=said.host, by=said.by, at=said.at, reason=said.words, audit=said.audit)


def _view(found: Overview) -> HaView:
    inventory = found.inventory
    return HaView(
        policies=tuple(_policy_view(one) for one in found.policies),
        hosts=tuple(_standing_view(one, inventory) for one in found.standing),
        protection=found.counts,
        exposed=tuple(_vm_view(one, inventory) for one in found.exposed),
        unguarded=found.unguarded,
        vms=tuple(_vm_view(one, inventory) for one in found.vms),
    )


def _policy_view(one: Braked) -> PolicyHaView:
    return PolicyHaView(
        policy=one.policy.id,
        level=str(getattr(one.policy.rule, "level", "")),
        hosts=one.hosts,
        fences=one.fences,
        fences_most=one.most,
        cold_left_s=round(one.cold_left_s, 1),
    )


def _standing_view(one: Standing, inventory: Inventory) -> HostHaView:
    host = inventory.hosts.get(one.host)
    decision = one.decision
    if isinstance(decision, Recover):
        why = _proof_reason(decision.proof, inventory)
    else:
        why = decision.why
    return HostHaView(
        host=one.host if host is None else host.name,
        host_id=one.host,
        policy=one.policy,
        condition=one.verdict.condition,
        life_at=one.verdict.life_at,
        decision=_DECISIONS[type(decision).__name__],
        why=told(why),
        reason=reason_view(why),
        said=told(one.said),
        at_risk=len(one.at_risk),
        would_do=tuple(map(str, decision.would_do)) if isinstance(decision, NeedsProof) else (),
        evidence=tuple(_path_view(path) for path in one.verdict.evidence),
        together=tuple(
            inventory.hosts[key].name for key in one.verdict.together if key in inventory.hosts
        ),
    )


def _proof_reason(proof: Proof, inventory: Inventory) -> Reason:
    return told_proof(proof, names_in(inventory))


def _path_view(one: Heard) -> PathView:
    return PathView(path=one.path, word=one.word, at=one.at, life_at=one.life_at, by=one.by)


def _host_view(found: OneHost) -> OneHostView:
    inventory = found.inventory
    standing = found.standing
    proof = "" if found.proof is None else told(_proof_reason(found.proof, inventory))
    return OneHostView(
        host=inventory.hosts[found.host].name,
        host_id=found.host,
        standing=None if standing is None else _standing_view(standing, inventory),
        proof=proof,
        vms=tuple(_vm_view(one, inventory) for one in found.vms),
    )


def _vm_view(one: GuardedVm, inventory: Inventory) -> VmHaView:
    host = None if one.vm.host is None else inventory.hosts.get(one.vm.host)
    why = one.protected.why
    return VmHaView(
        vm=one.vm.name,
        vm_id=one.vm.id,
        host="" if host is None else host.name,
        protection=one.protected.how,
        why=told(why),
        reason=reason_view(why),
        down=told(one.down),
    )


ROUTES = (get_ha, get_ha_host, get_ha_vm, release_ha_vm, confirm_dead)
