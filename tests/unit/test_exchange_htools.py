"""The format of Ganeti's htools: hbal's own scores, bytes kept, errors with line numbers."""

import json
import re
from pathlib import Path

import pytest

from anypool.errors import Invalid, NotSupported
from anypool.exchange.advice import balance_htools
from anypool.exchange.ganeti import group_of, problem_of
from anypool.exchange.htools import move, read, write
from anypool.planner.balance import score
from tests.unit.cli_kit import Terminal

SPEC = (
    "128,1,1024,1,1,1|128,1,1024,1,1,1;131072,64,4194304,16,8,12"
    "|diskless,file,sharedfile,plain,blockdev,drbd,rbd,ext,gluster|64.0|512.0"
)


def node(
    name: str, free: int = 99000, mode: str = "N", *, cpus: int = 0, speed: str = "1.0"
) -> str:
    return f"{name}|100000|1000|{free}|100000|80000|10|{mode}|u|1||N|0|{cpus}|{speed}"


def vms(count: int, *, where: str = "a|", kind: str = "ext", tags: str = "") -> list[str]:
    return [f"v{i}|10000|1000|3|running|Y|{where}|{kind}|{tags}|2|-" for i in range(count)]


def cluster(nodes: list[str], instances: list[str], tag: str = "") -> str:
    tags = f"{tag}\n" if tag else ""
    lines = "\n\n".join(["g|u|preferred||", "\n".join(nodes), "\n".join(instances)])
    return f"{lines}\n\n{tags}\n|{SPEC}\ng|{SPEC}\n"


THREE = [node("a", 69000), node("b"), node("c")]
SCORED_BY_HBAL = {
    "local disk": (cluster([node("a", 89000), *THREE[1:]], vms(1, kind="plain")), 2.07602132),
    "file": (cluster([node("a", 89000), *THREE[1:]], vms(1, kind="file")), 2.07417989),
    "shared": (cluster(THREE, vms(3)), 6.22253967),
    "offline node": (cluster([node("a", mode="Y"), *THREE[1:]], vms(3)), 60.0),
    "exclusion": (cluster(THREE, vms(3, tags="x:1,y:2"), "htools:iextags:x"), 10.22253967),
    "mirrored": (cluster(THREE, vms(3, where="a|b", kind="drbd")), 6.44448530),
    "mirrored, not N+1": (
        cluster([THREE[0], node("b", 19000), THREE[2]], vms(3, where="a|b", kind="drbd")),
        9.63304711,
    ),
    "speeds": (
        cluster([node("a", 69000, cpus=2, speed="2.0"), node("b", cpus=1), node("c")], vms(3)),
        6.03748727,
    ),
}


@pytest.mark.parametrize("name", SCORED_BY_HBAL)
def test_the_score_is_the_one_that_hbal_computes(name: str) -> None:
    text, expected = SCORED_BY_HBAL[name]
    problem = problem_of(group_of(read(text)))
    assert score(problem, problem.placed) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", SCORED_BY_HBAL)
def test_a_file_that_nothing_moved_in_keeps_its_bytes(name: str) -> None:
    text = SCORED_BY_HBAL[name][0]
    assert write(read(text)) == text
    assert write(move(read(text), {})) == text


def test_a_move_changes_the_node_and_the_free_memory_of_both() -> None:
    moved = move(read(cluster(THREE, vms(3))), {"v1": "c"})
    assert [one.primary for one in moved.instances] == ["a", "c", "a"]
    assert [one.free_mib for one in moved.nodes] == [79000, 99000, 89000]
    assert read(write(moved)) == moved


def test_advice_is_ordered_scored_and_leads_to_the_text() -> None:
    advice = balance_htools(cluster(THREE, vms(3)))
    assert [(one.vm, one.source) for one in advice.moves] == [("v0", "a"), ("v1", "a")]
    assert {one.target for one in advice.moves} == {"b", "c"}
    assert advice.after == pytest.approx(0)
    assert "lowers the score from 6.222540 to" in advice.moves[0].why
    again = balance_htools(advice.text)
    assert again.moves == ()
    assert again.before == pytest.approx(advice.after)


def test_what_hbal_leaves_alone_stays() -> None:
    for text in (
        cluster(THREE, vms(3, kind="plain")),
        cluster(THREE, vms(3, kind="diskless")),
        cluster(THREE, vms(3, where="a|b", kind="drbd")),
        cluster(THREE, vms(3)).replace("|running|Y|", "|running|N|"),
    ):
        assert balance_htools(text).moves == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("b|100000", "\n\nb|100000", "7 sections instead of 4 or 5"),
        ("v0|10000|", "v0|-5|", "line 7, instance: memory: '-5'"),
        ("v0|10000|", "v0|1e9|", "line 7, instance: memory"),
        ("a||ext", "z||ext", "line 7, instance: there is no node 'z'"),
        ("a||ext", "a|a|ext", "line 7, instance: primary and secondary"),
        ("a||ext", "a||floppy", "line 7, instance: 'floppy' is none of"),
        ("running|Y", "flying|Y", "line 7, instance: 'flying' is none of"),
        ("|10|N|u|1||N|0|0|1.0", "|10|X|u|1||N|0|0|1.0", "line 3, node: 'X' is none of"),
        ("|10|N|u|1||N|0|0|1.0", "|0|N|u|1||N|0|0|1.0", "line 3, node: a node that is online"),
        ("|10|N|u|1||N|0|0|1.0", "|10|N|v|1||N|0|0|1.0", "line 3, node: there is no group"),
        ("|10|N|u|1||N|0|0|1.0", "|10", "line 3, node: 7 columns instead of"),
        ("|10|N|u|1||N|0|0|1.0", "|10|N|u|1||N|0|0|inf", "line 3, node: CPU speed"),
        ("b|100000", "a|100000", "two nodes have one name"),
        ("g|u|preferred||", "g", "line 1, group"),
        ("|512.0", "|none", "line 10, policy: spindle ratio"),
    ],
)
def test_what_is_malformed_is_refused_with_its_line(old: str, new: str, message: str) -> None:
    text = cluster(THREE, vms(1))
    assert old in text
    with pytest.raises(Invalid, match=re.escape(message)):
        balance_htools(text.replace(old, new, 1))


def test_rules_that_are_not_understood_are_refused() -> None:
    with pytest.raises(NotSupported, match="nlocation"):
        balance_htools(cluster(THREE, vms(1), "htools:nlocation:power"))


def test_a_group_must_be_chosen_where_there_are_two() -> None:
    text = cluster(THREE, vms(3)).replace("g|u|preferred||", "g|u|preferred||\nh|w|preferred||")
    two = text.replace("c|100000|1000|99000|100000|80000|10|N|u", "c|9|1|8|9|8|1|N|w")
    with pytest.raises(Invalid, match="more than one group") as caught:
        balance_htools(two)
    assert caught.value.hint == "choose one: g, h"
    assert {one.target for one in balance_htools(two, group="g").moves} == {"b"}
    assert balance_htools(two, group="h").moves == ()


def test_the_command_shows_moves_and_writes_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anypool = Terminal(capsys)
    file, moved = tmp_path / "pool.txt", tmp_path / "moved.txt"
    file.write_text(cluster(THREE, vms(3)))
    shown = anypool("plan", "balance", str(file), "--from", "htools", "--write", str(moved))
    assert shown.code == 0
    assert shown.out.splitlines()[0].split() == ["MOVE", "VM", "FROM", "TO", "SCORE", "WHY"]
    assert "2 moves, score 6.222540 -> 0.000000. Nothing was done." in shown.err
    again = anypool("plan", "balance", str(moved), "--from", "htools", "-o", "json")
    assert json.loads(again.out)["moves"] == []
    assert "nothing to move" in again.err


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (b"\xff\xfe", (), "is no text"),
        (b"", (), "sections instead of"),
        (b"x", ("--budget", "0"), "the budget must be"),
        (None, (), "cannot be read: No such file"),
    ],
)
def test_the_command_refuses_what_is_no_such_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    words: tuple[str, ...],
    message: str,
) -> None:
    file, target = tmp_path / "pool.txt", tmp_path / "out.txt"
    if content is not None:
        file.write_bytes(content)
    asked = ("plan", "balance", str(file), "--from", "htools", "--write", str(target), *words)
    refused = Terminal(capsys)(*asked)
    assert refused.code == 2
    assert message in refused.err
    assert not target.exists()
