"""Reasons: one catalogue of codes, the same facts in every language, numbers its own way."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anypool
from anypool.api.language import chosen
from anypool.engine.runs.decision import Deed
from anypool.engine.runs.sight import Copy
from anypool.errors import Conflict, NoPlan
from anypool.model import HostState, Inventory, VmState
from anypool.plan import (
    CODES,
    LANGUAGES,
    Kind,
    Plan,
    Reason,
    RestartHow,
    StopHow,
    reason,
    refuse,
    render,
    say,
    way_out_of,
    why_of,
)
from anypool.plan.reason import Fact
from anypool.plan.words import number
from anypool.planner import plan_evacuation
from anypool.store.records import RunState, StepState
from tests.unit.test_planner_evacuate import H0, host, pool, vm

SOURCES = Path(anypool.__file__).parent
SAMPLES: dict[Kind, Fact] = {
    Kind.TEXT: "web1",
    Kind.WORD: "running",
    Kind.COUNT: 3,
    Kind.MIB: 1536,
    Kind.BYTES: 1536 << 20,
    Kind.SECONDS: 1.5,
    Kind.MILLISECONDS: 50,
    Kind.REASON: Reason(code="place.stays"),
    Kind.NAMES: ("h1", "h2"),
    Kind.LIST: (Reason(code="place.stays"), Reason(code="place.equal")),
    Kind.REASONS: (Reason(code="place.stays"), Reason(code="place.equal")),
}


def sample(code: str) -> Reason:
    return reason(code, **{name: SAMPLES[kind] for name, kind in CODES[code].items()})


def facts_in(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_every_code_with_its_facts(language: str) -> None:
    words = LANGUAGES[language].WORDS
    assert set(words) == set(CODES)
    for code, kinds in CODES.items():
        assert facts_in(words[code]) == set(kinds), (language, code)


def test_languages_do_not_share_their_words() -> None:
    same = {code for code in CODES if LANGUAGES["en"].WORDS[code] == LANGUAGES["de"].WORDS[code]}
    neutral = {"said", "price", "no.place-of", "run.seen", "run.copy", "run.deed"}
    neutral |= {"rollout.blocked", "rollout.against", "word.bmc", "word.vms"}
    neutral |= {"trap.said", "drift.changed", "drift.state", "drift.vcpus", "aim.because"}
    assert {code for code in same if not code.startswith("event.")} == neutral


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_reason_can_be_said_and_stored(code: str) -> None:
    made = sample(code)
    for language in LANGUAGES:
        assert "{" not in say(made, language)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Reason) == made
    assert msgspec.convert(msgspec.to_builtins(made), Reason) == made


@pytest.mark.parametrize(
    "words", [VmState, HostState, Copy, Deed, StepState, RunState, StopHow, RestartHow]
)
def test_every_state_that_is_said_has_a_word(words: type) -> None:
    for word in words:  # type: ignore[attr-defined]
        assert f"word.{word}" in CODES, word


def test_numbers_are_written_as_the_language_does() -> None:
    short = reason("host.memory", short=1536, need=2560, free=1024)
    assert say(short) == "memory 1.5 GiB short: needs 2.5 GiB, 1 GiB free"
    assert say(short, "de") == "1,5 GiB Speicher zu wenig: 2,5 GiB nötig, 1 GiB frei"
    assert say(reason("run.late", limit=2.5, why=reason("run.no-answer")), "de") == (
        "nach 2,5 s nicht fertig: der Host antwortet nicht"
    )
    assert number("1.5", "de") == "1,5"


def test_one_and_many() -> None:
    for count, en, de in ((1, "1 snapshot, which pins", "1 Snapshot, der"), (2, "2 snaps", "2 Sn")):
        made = reason("vm.snapshots", vm="web1", count=count)
        assert en in say(made)
        assert de in say(made, "de")


def test_a_reason_is_made_of_the_facts_of_its_code() -> None:
    with pytest.raises(KeyError):
        reason("place.unheard-of")
    with pytest.raises(KeyError, match="free"):
        reason("place.most-free")
    with pytest.raises(TypeError, match="no mib"):
        reason("place.most-free", free="1 GiB")


@given(st.text())
def test_an_unknown_reason_is_shown_with_its_facts(code: str) -> None:
    assert "n=3" in say(Reason(code=f"gone.{code}", facts=(("n", 3),)))


def test_a_reason_that_another_release_stored_is_still_said() -> None:
    words = Reason(code="place.most-free", facts=(("free", "1 GiB"),))
    assert say(words) == "most free memory: 1 GiB left there afterwards"
    assert "n=3" in say(Reason(code="place.most-free", facts=(("n", 3),)))
    assert say(sample("place.equal"), "tlh") == say(sample("place.equal"))


def test_an_error_carries_its_reason() -> None:
    error = refuse(Conflict, sample("is.vm"), reason("hint.start"))
    assert (error.message, error.hint) == ("web1 is running", "start it first")
    assert (why_of(error), way_out_of(error)) == (sample("is.vm"), reason("hint.start"))
    assert say(why_of(Conflict("as it is"))) == "as it is"


def test_a_whole_plan_in_german() -> None:
    world = pool(2).with_vm(vm(1, "h0"))
    text = render(plan_evacuation(world, H0), lambda key: str(key), "de")
    assert "räumen" in text
    assert "frei" in text
    assert not re.search(r"\b(migrate|evacuate|memory|step|steps|free)\b", text)
    tight = world.with_host(host(1, memory_mib=100))
    with pytest.raises(NoPlan) as caught:
        plan_evacuation(tight, H0)
    assert "kann nicht geräumt werden" in say(why_of(caught.value), "de")


def test_a_plan_of_a_release_that_kept_words_is_rendered() -> None:
    assert render(Plan(goal="evacuate h1"), str).startswith("Plan: evacuate h1 (0 steps")
    assert Inventory() is not None


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.5,de;q=0.9", "de"),
        ("de;q=0, en", "en"),
        ("*", "en"),
        ("q=;;,=,de;q=x", "en"),
        ("d" * 100_000, "en"),
    ],
)
def test_the_best_language_there_is(accepted: str, language: str) -> None:
    assert chosen(accepted) == language


def sentences(folder: str) -> Iterator[str]:
    """Yield where an f-string, or a text in a reason's place, is given to an error or decision."""
    makers = {"Conflict", "NoPlan", "Fail", "Wait", "AskHuman", "Withdraw", "Refusal"}
    for file in sorted((SOURCES / folder).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in makers and any(
                isinstance(one, ast.JoinedStr)
                or (isinstance(one, ast.Constant) and isinstance(one.value, str))
                for one in node.args
            ):
                yield f"{file.name}:{node.lineno} {node.func.id}"


def test_planners_and_judges_make_no_sentences() -> None:
    assert list(sentences("planner")) == []
    assert [found for found in sentences("plan") if "codec.py" not in found] == []
    judges = {"look.py", "migration.py", "stepping.py"}
    assert [one for one in sentences("engine") if one.partition(":")[0] in judges] == []


def test_every_code_is_used() -> None:
    text = "".join(
        file.read_text(encoding="utf-8")
        for file in SOURCES.rglob("*.py")
        if file.parent.name != "words" and file.name != "catalogue.py"
    )
    text = text.replace("'", '"')
    unused = {code for code in CODES if f'"{code}"' not in text and not code.startswith("word.")}
    assert unused == {"plan.approved", "plan.rejected-by"}, "named by service/plans.py"
