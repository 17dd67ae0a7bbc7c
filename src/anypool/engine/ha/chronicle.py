"""The chronicle: what was seen, judged and proven in an incident, as events, once for each change.

An incident of a policy begins when a host is more than suspect, or a VM ails, and ends when all
has been well for a while. What was seen while a host was only suspect is kept back, and written
when it turns out to be more. What was done is told by the events of plans and operations.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from anypool.engine.ha.standing import Standing
from anypool.engine.watching.past import author, policy_of
from anypool.model import VM_ALIVE, HostId, Inventory, PolicyId, Proof, VmId
from anypool.plan import Reason, names_in, reason, say
from anypool.plan.render import told_proof
from anypool.planner.ha.decide import Leave, Recover
from anypool.planner.ha.detect import Condition, Heard, Word
from anypool.store import Store, Tx, events
from anypool.store.events import EventFilter
from anypool.store.pages import Ask
from anypool.store.records import EventRecord, Severity

QUIET_S = 30.0
"""All must have been well for so long before an incident is over."""
SAME_S = 0.001
"""What was seen so shortly before it is written counts as seen then; deeds come in between."""
MOST = 100
"""So many incidents are looked at, the newest."""
MOST_KEPT = 500
"""So many sights of hosts that are only suspect are kept back."""
BEGAN, ENDED = "incident.began", "incident.ended"
_ILL = {Condition.FAILED, Condition.UNKNOWN}


class Sight(Struct, frozen=True, kw_only=True):
    """All that a look at one policy came to; `busy` says that a run of it is under way."""

    policy: PolicyId
    standing: tuple[Standing, ...]
    ails: Mapping[VmId, Reason]
    busy: bool
    inventory: Inventory
    now: float


class Line(Struct, frozen=True, kw_only=True):
    """One change, at its own moment: what was seen is told when somebody looks."""

    kind: str
    at: float
    subject: tuple[str, str]
    said: Reason
    severity: Severity = Severity.INFO


def recorded(tx: Tx) -> Iterator[tuple[EventRecord, EventRecord | None]]:
    """Yield what began and what ended each incident, None while it goes on; newest first."""
    over = events.find(tx, Ask(limit=MOST), EventFilter(kind=ENDED)).items
    ended = {one.subject_id: one for one in over}
    for one in events.find(tx, Ask(limit=MOST), EventFilter(kind=BEGAN)).items:
        yield one, ended.get(one.subject_id)


class Chapter:
    """What was written of one policy: its open incident, and the last word of each subject."""

    def __init__(self, incident: str = "", began_at: float = 0.0) -> None:
        self.incident = incident
        self.began_at = began_at
        self.well_at = 0.0
        self.last: dict[tuple[str, str], object] = {}
        self.kept: list[Line] = []


class Chronicle:
    """Writes of all policies; used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._chapters: dict[PolicyId, Chapter] = {}

    def begin(self) -> None:
        """Know which incidents are open; what is seen of them is written anew."""
        self._chapters = {}
        with self._store.reading() as tx:
            for began, ended in reversed(tuple(recorded(tx))):
                if ended is None:
                    chapter = Chapter(began.subject_id, began.at)
                    self._chapters[policy_of(began.by)] = chapter

    def look(self, sight: Sight) -> None:
        """Write what has changed since the last look."""
        chapter = self._chapters.setdefault(sight.policy, Chapter())
        lines = [*self._of_hosts(chapter, sight), *self._of_vms(chapter, sight)]
        worst = any(_is_more(one) for one in sight.standing) or bool(sight.ails)
        suspect = any(one.verdict.condition is Condition.SUSPECT for one in sight.standing)
        if chapter.incident:
            self._write(sight, lines)
            self._end(chapter, sight, well=not (worst or suspect or sight.busy))
        elif worst:
            self._open(chapter, sight, [*chapter.kept, *lines])
        elif suspect:
            chapter.kept = [*chapter.kept, *lines][:MOST_KEPT]
        else:
            chapter.kept.clear()
            chapter.last.clear()

    def _open(self, chapter: Chapter, sight: Sight, lines: list[Line]) -> None:
        first = min((line.at for line in lines), default=sight.now)
        chapter.incident = f"{sight.policy}-{int(first)}"
        chapter.began_at, chapter.well_at, chapter.kept = first, 0.0, []
        began = Line(
            kind=BEGAN,
            at=first,
            subject=("incident", chapter.incident),
            said=reason("incident.began", policy=sight.policy),
            severity=Severity.WARNING,
        )
        self._write(sight, [began, *lines])

    def _end(self, chapter: Chapter, sight: Sight, *, well: bool) -> None:
        if not well:
            chapter.well_at = 0.0
            return
        chapter.well_at = chapter.well_at or sight.now
        if sight.now - chapter.well_at < QUIET_S:
            return
        lasted = round(chapter.well_at - chapter.began_at, 1)
        ended = Line(
            kind=ENDED,
            at=sight.now,
            subject=("incident", chapter.incident),
            said=reason("incident.ended", policy=sight.policy, lasted=lasted),
        )
        self._write(sight, [ended])
        self._chapters[sight.policy] = Chapter()

    def _write(self, sight: Sight, lines: list[Line]) -> None:
        if not lines:
            return
        with self._store.writing() as tx:
            for line in lines:
                said = _told(line, tx.now)
                record = EventRecord(
                    kind=line.kind,
                    message=say(said),
                    said=said,
                    severity=line.severity,
                    subject_kind=line.subject[0],
                    subject_id=line.subject[1],
                    by=author(sight.policy) if line.kind in (BEGAN, ENDED) else "",
                )
                events.append(tx, record)

    def _of_hosts(self, chapter: Chapter, sight: Sight) -> Iterable[Line]:
        for one in sight.standing:
            known = sight.inventory.hosts.get(one.host)
            name = one.host if known is None else known.name
            if _is_well(one) and not any(key[1] == one.host for key in chapter.last):
                continue
            yield from self._sights(chapter, one, name)
            yield from self._judgement(chapter, one, name, sight)
            if _is_well(one):
                for key in [key for key in chapter.last if key[1] == one.host]:
                    del chapter.last[key]

    @staticmethod
    def _sights(chapter: Chapter, one: Standing, name: str) -> Iterable[Line]:
        for heard in one.verdict.evidence:
            word = (heard.word, heard.by)
            key = (str(heard.path), one.host)
            if heard.word is Word.NONE or chapter.last.get(key) == word:
                continue
            chapter.last[key] = word
            yield Line(
                kind="ha.saw",
                at=heard.at,
                subject=("host", one.host),
                said=_saw(heard, name),
            )

    @staticmethod
    def _judgement(chapter: Chapter, one: Standing, name: str, sight: Sight) -> Iterable[Line]:
        condition, decision = one.verdict.condition, one.decision
        subject = ("host", str(one.host))
        if chapter.last.get(("condition", one.host)) != condition:
            chapter.last[("condition", one.host)] = condition
            said = reason("ha.judged", host=name, condition=condition)
            worse = Severity.WARNING if condition in _ILL else Severity.INFO
            yield Line(kind="ha.judged", at=sight.now, subject=subject, said=said, severity=worse)
        if isinstance(decision, Recover):
            yield from _proven(chapter, one.host, name, decision.proof, sight)
            return
        chapter.last.pop(("proof", one.host), None)
        token = (type(decision).__name__, decision.why.code)
        if chapter.last.get(("decision", one.host)) != token:
            chapter.last[("decision", one.host)] = token
            what = reason(f"ha.to-{_TO[token[0]]}", host=name, why=decision.why)
            yield Line(kind="ha.decided", at=sight.now, subject=subject, said=what)

    @staticmethod
    def _of_vms(chapter: Chapter, sight: Sight) -> Iterable[Line]:
        told = {key[1] for key in chapter.last if key[0] == "vm"}
        for vm, why in sight.ails.items():
            if chapter.last.get(("vm", vm)) == why.code:
                continue
            chapter.last[("vm", vm)] = why.code
            code = "ha.waits" if why.code == "ha.asks" else "ha.ails"
            said = reason(code, vm=_vm_name(vm, sight.inventory), why=why)
            yield Line(kind="ha.decided", at=sight.now, subject=("vm", vm), said=said)
        for gone in sorted(told - {str(vm) for vm in sight.ails}):
            del chapter.last[("vm", gone)]
            known = sight.inventory.vms.get(VmId(gone))
            runs = known is not None and known.state in VM_ALIVE
            code = "ha.ails-no-more" if runs else "ha.waits-no-more"
            said = reason(code, vm=_vm_name(VmId(gone), sight.inventory))
            yield Line(kind="ha.decided", at=sight.now, subject=("vm", gone), said=said)


_TO = {
    "Leave": "leave",
    "Hold": "hold",
    "ReadPower": "read-power",
    "Fence": "fence",
    "NeedsProof": "need-proof",
}


def _saw(heard: Heard, name: str) -> Reason:
    if heard.by:
        return reason("ha.saw-by", host=name, path=heard.path, word=heard.word, by=heard.by)
    return reason("ha.saw", host=name, path=heard.path, word=heard.word)


def _told(line: Line, now: float) -> Reason:
    """Return what is written of a line: that it was earlier, if it was."""
    ago = round(now - line.at, 3)
    return reason("ha.earlier", what=line.said, ago=ago) if ago >= SAME_S else line.said


def _proven(
    chapter: Chapter, host: HostId, name: str, proof: Proof, sight: Sight
) -> Iterable[Line]:
    chapter.last.pop(("decision", host), None)
    if chapter.last.get(("proof", host)) == type(proof).__name__:
        return
    chapter.last[("proof", host)] = type(proof).__name__
    told = told_proof(proof, names_in(sight.inventory))
    said = reason("ha.proven", host=name, proof=told)
    yield Line(kind="ha.proven", at=sight.now, subject=("host", host), said=said)


def _is_well(one: Standing) -> bool:
    return one.verdict.condition is Condition.HEALTHY


def _is_more(one: Standing) -> bool:
    """Return whether a host is more than suspect, and anything is to be done or known of it."""
    if one.verdict.condition in (Condition.HEALTHY, Condition.SUSPECT):
        return False
    return not (isinstance(one.decision, Leave) and one.decision.why.code == "ha.nothing-ran")


def _vm_name(vm: VmId, inventory: Inventory) -> str:
    known = inventory.vms.get(vm)
    return vm if known is None else known.name
