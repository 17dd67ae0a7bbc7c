"""What the paths of a host showed, and what happened to it: every row, and every age."""

import itertools

import pytest
from msgspec.structs import replace

from anypool.model import HostId
from anypool.planner.ha.detect import (
    ALIVE,
    LIFE,
    TABLE,
    Condition,
    Heard,
    Path,
    Verdict,
    Word,
    detect,
    grouped,
)

H = HostId("h1")
NOW = 1000.0

SAYS = {
    Path.MANAGEMENT: (Word.NONE, Word.ANSWERS, Word.REFUSES, Word.PEERS, Word.SILENT),
    Path.DATA: (Word.NONE, Word.ANSWERS, Word.REFUSES, Word.PEERS, Word.SILENT),
    Path.VMS: (Word.NONE, Word.ANSWERS, Word.SILENT),
    Path.STORAGE: (Word.NONE, Word.ANSWERS, Word.SILENT),
    Path.BMC: (Word.NONE, Word.ON, Word.OFF, Word.SILENT),
}
"""What each path can say."""


def heard(word: Word, path: Path, *, age: float = 1.0, life_age: float = 900.0) -> Heard:
    life = NOW - (age if word in LIFE else life_age)
    return Heard(path=path, word=word, at=NOW - age, life_at=life)


def judged(*words: str, age: float = 1.0, life_age: float = 900.0) -> Verdict:
    """Return the verdict on the words of management, data, VMs, storage and BMC."""
    said = tuple(
        heard(Word(word), path, age=age, life_age=life_age)
        for word, path in zip(words, Path, strict=True)
    )
    return detect(H, said, NOW, silent_s=30, fresh_s=20)


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("answers silent none silent off", "healthy"),
        ("refuses silent none none on", "hypervisor-dead"),
        ("silent answers none none on", "management-lost"),
        ("silent refuses none silent off", "management-lost"),
        ("silent peers none none on", "management-lost"),
        ("silent silent answers none on", "management-lost"),
        ("peers silent none none on", "partitioned"),
        ("refuses silent answers none on", "hypervisor-dead"),
        ("silent silent none answers on", "isolated"),
        ("silent silent none answers off", "isolated"),
        ("silent silent none none off", "failed"),
        ("silent none none silent silent", "failed"),
        ("silent silent none none on", "unknown"),
        ("silent none none none none", "unknown"),
        ("none none none none silent", "unknown"),
    ],
)
def test_words_tell_conditions_apart(words: str, condition: str) -> None:
    assert judged(*words.split()).condition == condition


def test_every_combination_has_a_condition_and_life_is_never_called_dead() -> None:
    for words in itertools.product(*SAYS.values()):
        verdict = judged(*words)
        lives = any(word in LIFE for word in words)
        assert (verdict.condition in ALIVE) is lives, words


def test_every_row_is_the_first_for_some_words() -> None:
    found = {judged(*words).condition for words in itertools.product(*SAYS.values())}
    assert found == {condition for *_, condition in TABLE}


@pytest.mark.parametrize("words", ["silent silent none none on", "silent none none none none"])
def test_silence_is_suspect_first(words: str) -> None:
    assert judged(*words.split(), life_age=29.9).condition is Condition.SUSPECT
    assert judged(*words.split(), life_age=30.0).condition is Condition.UNKNOWN


def test_power_that_is_off_waits_for_nothing() -> None:
    assert (
        judged("silent", "silent", "none", "none", "off", life_age=2.0).condition
        is Condition.FAILED
    )


def test_old_life_is_silence_and_old_power_says_nothing() -> None:
    lived, off = "answers none none none none", "silent silent none none off"
    assert judged(*lived.split(), age=21.0).condition is Condition.SUSPECT
    assert judged(*lived.split(), age=31.0).condition is Condition.UNKNOWN
    assert judged(*off.split(), age=21.0).condition is Condition.UNKNOWN


def test_word_counts_as_long_as_it_is_fresh() -> None:
    off = ["silent", "silent", "none", "none", "off"]
    assert judged(*off, age=20.0).condition is Condition.FAILED
    assert judged(*off, age=20.1).condition is Condition.UNKNOWN


@pytest.mark.parametrize("mute", [Word.SILENT, Word.NONE])
def test_what_was_said_before_a_silent_host_spoke_last_counts_as_not_said(mute: Word) -> None:
    """Power that was off a minute ago, before the host booted, says nothing of its silence."""
    itself = Heard(path=Path.MANAGEMENT, word=mute, at=NOW, life_at=NOW - 5)
    others = {Path.DATA: Word.ANSWERS, Path.VMS: Word.ANSWERS, Path.BMC: Word.OFF}
    for age, condition in ((6.0, "suspect"), (5.0, "management-lost"), (4.0, "management-lost")):
        said = tuple(heard(word, path, age=age) for path, word in others.items())
        for all_ in ((itself, *said), (*said, itself)):
            verdict = detect(H, all_, NOW, silent_s=30, fresh_s=20)
            assert verdict.condition == condition
            assert (verdict.word(Path.BMC) is Word.OFF) is (age <= 5)
    lease = heard(Word.ANSWERS, Path.STORAGE, age=6.0)
    verdict = detect(H, (itself, lease), NOW, silent_s=30, fresh_s=20)
    assert verdict.condition is Condition.ISOLATED


def test_all_that_is_said_of_a_host_that_answers_counts() -> None:
    itself = Heard(path=Path.MANAGEMENT, word=Word.ANSWERS, at=NOW, life_at=NOW)
    off = heard(Word.OFF, Path.BMC, age=6.0)
    verdict = detect(H, (itself, off), NOW, silent_s=30, fresh_s=20)
    assert (verdict.condition, verdict.word(Path.BMC)) == (Condition.HEALTHY, Word.OFF)


def test_host_of_which_nothing_was_heard_is_unknown() -> None:
    verdict = detect(H, (), NOW, silent_s=30, fresh_s=20)
    assert (verdict.condition, verdict.life_at) == (Condition.UNKNOWN, 0.0)
    other = replace(verdict, host=HostId("h2"))
    together = grouped({H: verdict, other.host: other}, 30)
    assert [one.together for one in together.values()] == [(other.host,), (H,)]


def told(*hosts: tuple[str, str, float]) -> dict[HostId, Verdict]:
    """Return verdicts as they are of a group: name, words, and how long ago each showed life."""
    alone = {}
    for name, words, age in hosts:
        verdict = judged(*words.split(), life_age=age)
        alone[HostId(name)] = replace(verdict, host=HostId(name))
    return grouped(alone, 30)


ISOLATED, DARK = "silent silent none answers on", "silent silent none none on"
FINE = "answers silent none none on"


def test_hosts_that_fell_silent_at_once_are_named_together() -> None:
    found = told(("a", DARK, 100), ("b", DARK, 120), ("c", DARK, 400), ("d", FINE, 1))
    assert {key: one.together for key, one in found.items()} == {
        "a": ("b",),
        "b": ("a",),
        "c": (),
        "d": (),
    }
    assert {one.condition for one in found.values()} == {Condition.UNKNOWN, Condition.HEALTHY}


def test_silence_within_the_time_is_one_silence_and_who_is_heard_is_in_none() -> None:
    found = told(("a", DARK, 100), ("b", DARK, 130), ("c", DARK, 130.1))
    assert [one.together for one in found.values()] == [("b",), ("a", "c"), ("b",)]
    found = told(("a", DARK, 20), ("b", FINE, 1))
    assert [one.together for one in found.values()] == [(), ()]


def test_one_host_seen_by_its_lease_is_isolated_several_at_once_are_partitioned() -> None:
    (one,) = told(("a", ISOLATED, 100)).values()
    assert one.condition is Condition.ISOLATED
    apart = told(("a", ISOLATED, 100), ("b", ISOLATED, 400))
    assert {one.condition for one in apart.values()} == {Condition.ISOLATED}
    with_dark = told(("a", ISOLATED, 100), ("c", DARK, 100))
    assert [one.condition for one in with_dark.values()] == ["isolated", "unknown"]
    both = told(("a", ISOLATED, 100), ("b", ISOLATED, 101), ("c", DARK, 100))
    assert [one.condition for one in both.values()] == ["partitioned", "partitioned", "unknown"]


def test_verdict_says_what_was_seen_and_when() -> None:
    verdict = judged("silent", "answers", "none", "none", "on")
    assert [(one.path, one.word, one.at) for one in verdict.evidence] == [
        (Path.BMC, Word.ON, NOW - 1),
        (Path.DATA, Word.ANSWERS, NOW - 1),
        (Path.MANAGEMENT, Word.SILENT, NOW - 1),
        (Path.STORAGE, Word.NONE, NOW - 1),
        (Path.VMS, Word.NONE, NOW - 1),
    ]
    assert verdict.life_at == NOW - 1
