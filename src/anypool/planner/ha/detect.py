"""The failure detector: from what each path showed, and when, to what happened to a host.

Pure and one table. Silence on one path is no death: a host is heard on several, and which of
them are silent tells a dead host from one that is merely out of reach.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import HostId


class Path(StrEnum):
    """A way on which a host shows that it lives, or something says that it cannot."""

    MANAGEMENT = "management"
    DATA = "data"
    VMS = "vms"
    STORAGE = "storage"
    BMC = "bmc"


class Word(StrEnum):
    """What a path said the last time it was asked.

    `ANSWERS` is life: the hypervisor speaks, the address answers, a VM answers its probe, the
    lease is renewed. `REFUSES` is a server whose hypervisor does not speak. `PEERS` is life that
    other hosts see and we do not. `ON` and `OFF` are the power's. `NONE` is a path that is not
    there.
    """

    NONE = "none"
    ANSWERS = "answers"
    REFUSES = "refuses"
    PEERS = "peers"
    SILENT = "silent"
    ON = "on"
    OFF = "off"


LIFE = frozenset({Word.ANSWERS, Word.REFUSES, Word.PEERS})
"""Words that only a host can cause that runs. That its power is on is not one of them."""


class Heard(Struct, frozen=True, kw_only=True, gc=False):
    """The last word of one path, said at `at`; `life_at` is when it last showed life, 0 never.

    `by` names who says so if it is not the host: the neighbour that reaches it, the VM on it.
    """

    path: Path
    word: Word
    at: float
    life_at: float = 0.0
    by: str = ""


class Condition(StrEnum):
    """What happened to a host, as far as the paths tell.

    `SUSPECT` is silent, but not for long. `MANAGEMENT_LOST`, `HYPERVISOR_DEAD`, `ISOLATED` and
    `PARTITIONED` live: their VMs may run. `FAILED` shows no life where it would if it lived.
    `UNKNOWN` is silent, and nothing tells why.
    """

    HEALTHY = "healthy"
    SUSPECT = "suspect"
    MANAGEMENT_LOST = "management-lost"
    HYPERVISOR_DEAD = "hypervisor-dead"
    ISOLATED = "isolated"
    PARTITIONED = "partitioned"
    FAILED = "failed"
    UNKNOWN = "unknown"


ALIVE = frozenset(
    {
        Condition.HEALTHY,
        Condition.MANAGEMENT_LOST,
        Condition.HYPERVISOR_DEAD,
        Condition.ISOLATED,
        Condition.PARTITIONED,
    }
)
"""Conditions in which some path shows life now."""


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """What happened to a host, since when it showed no life, and what each path showed.

    `together` are other hosts that fell silent at the same time.
    """

    host: HostId
    condition: Condition
    life_at: float
    evidence: tuple[Heard, ...]
    together: tuple[HostId, ...] = ()

    def word(self, path: Path) -> Word:
        """Return the word of a path, NONE where it is not there."""
        return next((one.word for one in self.evidence if one.path is path), Word.NONE)


_ANY = frozenset(Word)
_DUMB = frozenset({Word.SILENT, Word.NONE})
_Words = frozenset[Word]
_Row = tuple[_Words, _Words, _Words, _Words, _Words, Condition]


def _only(*words: Word) -> frozenset[Word]:
    return frozenset(words)


_ANSWERS, _HEARD = _only(Word.ANSWERS), LIFE
_REFUSES, _PEERS = _only(Word.REFUSES), _only(Word.PEERS)
_SILENT, _OFF = _only(Word.SILENT), _only(Word.OFF)

TABLE: tuple[_Row, ...] = (
    # management, data, VMs, storage, power
    (_ANSWERS, _ANY, _ANY, _ANY, _ANY, Condition.HEALTHY),
    (_REFUSES, _ANY, _ANY, _ANY, _ANY, Condition.HYPERVISOR_DEAD),
    (_PEERS, _ANY, _ANY, _ANY, _ANY, Condition.PARTITIONED),
    (_DUMB, _HEARD, _ANY, _ANY, _ANY, Condition.MANAGEMENT_LOST),
    (_DUMB, _DUMB, _HEARD, _ANY, _ANY, Condition.MANAGEMENT_LOST),
    (_DUMB, _DUMB, _DUMB, _ANSWERS, _ANY, Condition.ISOLATED),
    (_DUMB, _DUMB, _DUMB, _DUMB, _OFF, Condition.FAILED),
    (_DUMB, _DUMB, _DUMB, _SILENT, _ANY, Condition.FAILED),
    (_DUMB, _DUMB, _DUMB, _DUMB, _ANY, Condition.UNKNOWN),
)
"""The first row that fits counts."""


def detect(
    host: HostId, heard: tuple[Heard, ...], now: float, *, silent_s: float, fresh_s: float
) -> Verdict:
    """Return what happened to a host.

    A word older than `fresh_s` says nothing of now and counts as silence. What was said before a
    host that is silent itself answered last was said of another time, and counts as not said. A
    host that showed life on any path within `silent_s` is at worst suspect, unless its power was
    read off.
    """
    told = sorted(_since_it_spoke(heard), key=lambda one: one.path)
    evidence = tuple(_now(one, now, fresh_s) for one in told)
    words = {one.path: one.word for one in evidence}
    life_at = max((one.life_at for one in evidence), default=0.0)
    condition = _condition(words)
    off = words.get(Path.BMC) is Word.OFF
    if condition not in ALIVE and not off and now - life_at < silent_s:
        condition = Condition.SUSPECT
    return Verdict(host=host, condition=condition, life_at=life_at, evidence=evidence)


def grouped(verdicts: Mapping[HostId, Verdict], within_s: float) -> dict[HostId, Verdict]:
    """Return the verdicts with who fell silent together, within so many seconds of each other.

    Hosts of which only the lease is seen, several at a time, are no hosts that were isolated one
    by one: they are one part of the network, cut off from ours.
    """
    silent = {key: one for key, one in verdicts.items() if not _is_heard(one)}
    found = dict(verdicts)
    for key, one in silent.items():
        others = tuple(
            other
            for other in sorted(silent)
            if other != key and abs(_spoke_at(silent[other]) - _spoke_at(one)) <= within_s
        )
        several = any(silent[other].condition is Condition.ISOLATED for other in others)
        parted = several and one.condition is Condition.ISOLATED
        condition = Condition.PARTITIONED if parted else one.condition
        found[key] = replace(one, condition=condition, together=others)
    return found


def _spoke_at(verdict: Verdict) -> float:
    """Return when a host was last heard; its lease is renewed by one that nobody hears as well."""
    spoken = (one.life_at for one in verdict.evidence if one.path is not Path.STORAGE)
    return max(spoken, default=0.0)


def _is_heard(verdict: Verdict) -> bool:
    """Return whether anybody spoke with a host; that its lease is renewed is no talk."""
    return verdict.condition in ALIVE and verdict.condition is not Condition.ISOLATED


def _now(one: Heard, now: float, fresh_s: float) -> Heard:
    """Return a word as it counts now: old life is silence, old power is not known."""
    if one.word is Word.NONE or now - one.at <= fresh_s:
        return one
    return replace(one, word=Word.SILENT, by="")


def _since_it_spoke(heard: tuple[Heard, ...]) -> tuple[Heard, ...]:
    """Return what counts of a host: the lease is read every so often, and so always does."""
    itself = next((one for one in heard if one.path is Path.MANAGEMENT), None)
    if itself is None or itself.word not in _DUMB:
        return heard
    return tuple(
        replace(one, word=Word.NONE, by="")
        if one.at < itself.life_at and one.path is not Path.STORAGE
        else one
        for one in heard
    )


def _condition(words: dict[Path, Word]) -> Condition:
    said = tuple(words.get(path, Word.NONE) for path in Path)
    for *row, condition in TABLE:
        if all(word in column for word, column in zip(said, row, strict=True)):
            assert isinstance(condition, Condition)
            return condition
    raise AssertionError(f"no row for {said}")
