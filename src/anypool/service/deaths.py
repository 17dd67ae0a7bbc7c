"""Death certificates: which proof of a host's death there was, from whom, and what rested on it."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from anypool.engine import Engine
from anypool.model import HostId, PlanId, Proof, VmId
from anypool.plan import Reason, StartAfterFailure
from anypool.service.access import Deed, Principal, require
from anypool.service.incidents import Entry, Incidents
from anypool.store import Store, Tx, plans, runs
from anypool.store.records import PlanRecord, StepRecord, StepState

KINDS = {
    "proof.power-off": "power-off",
    "proof.said-gone": "said-gone",
    "proof.stated": "stated",
    "proof.lease-expired": "lease-expired",
    "proof.lease-expired-stand-in": "lease-expired",
}
"""Kinds of proof as `model.proof` tags them, by what was written when one was found."""


class Rested(Struct, frozen=True, kw_only=True):
    """A VM that was started elsewhere because of a proof, by which step; times are 0 for never."""

    vm: VmId
    host: HostId
    plan: PlanId
    operation: str
    step: int
    state: str
    began_at: float
    ended_at: float


class Death(Struct, frozen=True, kw_only=True):
    """The certificate of a host's death: it was proven at `at` by a proof of a `kind`.

    `proof` is the whole of it as the first start bore it, None where nothing was started.
    `seen` is what was observed and decided about the host before.
    """

    host: HostId
    kind: str
    at: float
    said: Reason
    proof: Proof | None
    seen: tuple[Entry, ...]
    rested: tuple[Rested, ...]


class Deaths:
    """The use case of looking at why a host was held to be dead."""

    def __init__(self, engine: Engine, store: Store, incidents: Incidents) -> None:
        self._engine = engine
        self._store = store
        self._incidents = incidents

    def of_incident(self, by: Principal, key: str) -> tuple[Death, ...]:
        """Return the certificates of an incident, the first first; raise `NotFound`."""
        require(by, Deed.READ)
        line = self._incidents.time_line(by, key)
        wanted = sorted({PlanId(one.plan) for one in line.entries if one.what == "plan"})
        with self._store.reading() as tx:
            made = [plans.readable(tx, one) for one in wanted]
            journals = {one.id: _journal(tx, one) for one in made}
        found = list[Death]()
        for index, entry in enumerate(line.entries):
            told = _told(entry)
            if told is not None:
                before = line.entries[:index]
                rested = tuple(_rested(entry, KINDS[told.code], made, journals))
                found.append(_death(entry, told, before, rested))
        return tuple(found)


def _journal(tx: Tx, plan: PlanRecord) -> dict[int, StepRecord]:
    return {} if plan.run is None else {one.number: one for one in runs.steps(tx, plan.run)}


def _told(entry: Entry) -> Reason | None:
    """Return what a proof says, None for an entry that is none."""
    if entry.what != "proof" or entry.said is None:
        return None
    said = dict(entry.said.facts).get("proof")
    return said if isinstance(said, Reason) and said.code in KINDS else None


Found = tuple[Rested, Proof]


def _death(entry: Entry, told: Reason, before: Sequence[Entry], rested: tuple[Found, ...]) -> Death:
    host = HostId(entry.subject)
    mine = [one for one in before if one.subject == host and one.what != "deed"]
    return Death(
        host=host,
        kind=KINDS[told.code],
        at=entry.at,
        said=told,
        proof=rested[0][1] if rested else None,
        seen=tuple(mine),
        rested=tuple(one for one, _ in rested),
    )


def _rested(
    entry: Entry,
    kind: str,
    made: Iterable[PlanRecord],
    journals: dict[PlanId, dict[int, StepRecord]],
) -> Iterator[Found]:
    """Yield the starts that bore a proof of this kind about the host, in their order."""
    for plan in sorted(made, key=lambda one: one.created_at):
        for step in plan.plan:
            action = step.action
            if not isinstance(action, StartAfterFailure):
                continue
            proofs = (action.proof, *action.also)
            proof = next((one for one in proofs if _is(one, entry.subject, kind)), None)
            if proof is None:
                continue
            record = journals[plan.id].get(step.number)
            yield (
                Rested(
                    vm=action.wish.id,
                    host=action.host,
                    plan=plan.id,
                    operation=plan.run or "",
                    step=step.number,
                    state=StepState.WAITING if record is None else record.state,
                    began_at=0.0 if record is None else record.begun_at,
                    ended_at=0.0 if record is None else record.ended_at,
                ),
                proof,
            )


def _is(proof: Proof, host: str, kind: str) -> bool:
    return proof.host == host and type(proof).__struct_config__.tag == kind
