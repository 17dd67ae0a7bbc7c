"""The failure detector: from what each path showed, and when, to what happened to a host.

Pure and one table. Silence on one path is no death: a host is heard on several, and which of
them are silent tells a dead host from one that is merely out of reach.
"""

from enum import StrEnum

from msgspec import Struct

from anypool.model import HostId


class Path(StrEnum):
    """A way on which a host shows that it lives, or something says that it cannot."""

    MANAGEMENT = "management"
    DATA = "data"
    STORAGE = "storage"
    BMC = "bmc"


class Word(StrEnum):
    """What a path said the last time it was asked.

    `ANSWERS` is life: the hypervisor speaks, the address answers, the lease is renewed.
    `REFUSES` is a server whose hypervisor does not speak. `PEERS` is life that other hosts see
    and we do not. `ON` and `OFF` are the power's. `NONE` is a path that is not there.
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
    """The last word of one path, said at `at`; `life_at` is when it last showed life, 0 never."""

    path: Path
    word: Word
    at: float
    life_at: float = 0.0


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
    """What happened to a host, since when it showed no life, and what each path showed."""

    host: HostId
    condition: Condition
    life_at: float
    evidence: tuple[Heard, ...]

    def word(self, path: Path) -> Word:
        """Return the word of a path, NONE where it is not there."""
        return next((one.word for one in self.evidence if one.path is path), Word.NONE)


_ANY = frozenset(Word)
_DUMB = frozenset({Word.SILENT, Word.NONE})
_Row = tuple[frozenset[Word], frozenset[Word], frozenset[Word], frozenset[Word], Condition]


def _only(*words: Word) -> frozenset[Word]:
    return frozenset(words)


_ANSWERS, _LIVES = _only(Word.ANSWERS), _only(Word.ANSWERS, Word.REFUSES)
_REFUSES, _PEERS = _only(Word.REFUSES), _only(Word.PEERS)
_SILENT, _OFF = _only(Word.SILENT), _only(Word.OFF)

TABLE: tuple[_Row, ...] = (
    # management, data, storage, power
    (_ANSWERS, _ANY, _ANY, _ANY, Condition.HEALTHY),
    (_REFUSES, _ANY, _ANY, _ANY, Condition.HYPERVISOR_DEAD),
    (_DUMB, _LIVES, _ANY, _ANY, Condition.MANAGEMENT_LOST),
    (_DUMB, _PEERS, _ANY, _ANY, Condition.PARTITIONED),
    (_DUMB, _DUMB, _ANSWERS, _ANY, Condition.ISOLATED),
    (_DUMB, _DUMB, _DUMB, _OFF, Condition.FAILED),
    (_DUMB, _DUMB, _SILENT, _ANY, Condition.FAILED),
    (_DUMB, _DUMB, _DUMB, _ANY, Condition.UNKNOWN),
)
"""The first row that fits counts."""


def detect(
    host: HostId, heard: tuple[Heard, ...], now: float, *, silent_s: float, fresh_s: float
) -> Verdict:
    """Return what happened to a host.

    A word older than `fresh_s` says nothing of now and counts as silence. A host that showed
    life on any path within `silent_s` is at worst suspect, unless its power was read off.
    """
    evidence = tuple(_now(one, now, fresh_s) for one in sorted(heard, key=lambda one: one.path))
    words = {one.path: one.word for one in evidence}
    life_at = max((one.life_at for one in evidence), default=0.0)
    condition = _condition(words)
    off = words.get(Path.BMC) is Word.OFF
    if condition not in ALIVE and not off and now - life_at < silent_s:
        condition = Condition.SUSPECT
    return Verdict(host=host, condition=condition, life_at=life_at, evidence=evidence)


def _now(one: Heard, now: float, fresh_s: float) -> Heard:
    """Return a word as it counts now: old life is silence, old power is not known."""
    if one.word in (Word.NONE, Word.SILENT) or now - one.at <= fresh_s:
        return one
    return Heard(path=one.path, word=Word.SILENT, at=one.at, life_at=one.life_at)


def _condition(words: dict[Path, Word]) -> Condition:
    said = tuple(words.get(path, Word.NONE) for path in Path)
    for *row, condition in TABLE:
        if all(word in column for word, column in zip(said, row, strict=True)):
            assert isinstance(condition, Condition)
            return condition
    raise AssertionError(f"no row for {said}")
