"""Every scenario comes out as expected, and a mistake in one is pointed at by file and line."""

from pathlib import Path

import pytest

from anypool.cli.main import run
from anypool.cli.simulate import read, scenarios
from anypool.errors import Invalid
from anypool.scenario import play_folder
from anypool.scenario.event import BIG, EXAMPLES
from anypool.scenario.racks import PROFILE_OPTIONS, SERVER_OPTIONS, SERVER_WORDS
from anypool.scenario.words import HOST_OPTIONS, HOST_WORDS, VM_OPTIONS, VM_WORDS

RACK_OPTIONS = (*SERVER_OPTIONS, *PROFILE_OPTIONS)
FOLDER = Path(__file__).parents[1] / "scenarios"
SCENARIOS = scenarios(FOLDER)


def group_of(folder: Path) -> str:
    return folder.name.partition("-")[0]


GROUPS = sorted({group_of(folder) for folder in SCENARIOS})
POOL = "about: x\nhosts:\n  h1: 8GiB\n  h2: 8GiB\nvms:\n  web1: h1 2GiB +web\n"


@pytest.mark.parametrize("group", GROUPS)
def test_scenarios_come_out_as_expected(group: str) -> None:
    """By group, because a test each would cost more than the scenarios do."""
    told: list[str] = []
    for folder in SCENARIOS:
        if group_of(folder) == group:
            told += unexpected(folder)
    assert "\n".join(told) == ""


def unexpected(folder: Path) -> list[str]:
    """What is not as it should be about a scenario."""
    result = play_folder(folder.name, read(folder))
    about = result.played.world.about
    told = [f"{folder.name}: there is no {name}" for name in result.missing]
    if not about.endswith(".") or len(about) >= 130:
        told.append(f"{folder.name}: say in one line and one sentence what it shows")
    return [*told, *(f"{folder.name}: {line}" for line in result.differences)]


def test_no_two_scenarios_show_the_same() -> None:
    files = [read(folder) for folder in SCENARIOS]
    assert len({one["pool.yaml"] for one in files}) == len(files)


WRONG = (
    ("hosts:\n  h1: 8Gib", "", "p/pool.yaml:2: '8Gib' is not understood", "sizes are written as"),
    ("hosts:\n  h1: 8GiB maintenanc", "", "p/pool.yaml:2:", "did you mean 'maintenance'?"),
    ("hosts:\n  h1: 8GiB 9GiB", "", "p/pool.yaml:2: there are two sizes", "memory"),
    ("hosts:\n  h1: 8GiB\n  h1: 8GiB", "", "p/pool.yaml:3: 'h1' is there twice", "once"),
    ("hosts:\n  h1..h3: 8GiB\n  h2: 8GiB", "", "p/pool.yaml:3: 'h2' is there twice", "once"),
    ("hosts:\n  h1: 8GiB\nvm:\n  a: h1", "", "p/pool.yaml:3: 'vm' is not", "did you mean 'vms'?"),
    ("hosts:\n  h1: 8GiB\nvms:\n  a: h2", "", "p/pool.yaml:4: 'h2' is not", "tags begin with +"),
    ("hosts:\n  h1: reserved=lots", "", "p/pool.yaml:2: 'lots' is not a size", "number"),
    ("hosts: [h1]", "", "p/pool.yaml:1: names with values are wanted here", "name: value"),
    ("hosts: {h1: {memory: 8GiB}}", "", "p/pool.yaml:1: a text is wanted here", ""),
    ("hosts:\n  h1: a: b", "", "p/pool.yaml:2: no YAML", "quote texts"),
    ("datastores:\n  san: sharde", "", "p/pool.yaml:2: 'sharde'", "did you mean 'shared'?"),
    ("policies:\n  p: {apart: tag = }", "", "p/pool.yaml:2:", ""),
    ("policies:\n  p: {apart: tag = web, domains: rack}", "", "p/pool.yaml:2:", "the reference"),
    ("policies:\n  p: {aprt: tag = web}", "", "p/pool.yaml:2: policy p has 0 kinds", "apart"),
    ("services:\n  s:\n    a: {vms: [x], after: [b]}", "", "p/pool.yaml:2: component a", "one of"),
    (POOL, "- evacuat h1", "p/events.yaml:1: 'evacuat h1' is no event", "did you mean 'evacuate'?"),
    (POOL, "- start web1\n- migrate web2 to h2", "p/events.yaml:2: there is no VM 'web2'", "web1"),
    (POOL, "- migrate web1 to h3", "p/events.yaml:1: there is no host 'h3'", "one of: h1, h2"),
    (POOL, "- evacuate h1 h2", "p/events.yaml:1: 'evacuate h1 h2' is no event", "such as"),
    (POOL, "- run", "p/events.yaml:1: no plan waits", "plan evacuate"),
    (POOL, "- evacuate: h1", "p/events.yaml:1: this is no event", "plain words"),
    (POOL, "- by-hand: []", "p/events.yaml:1: a plan by hand needs steps", "migrate"),
    (POOL, "- start-service shop", "p/events.yaml:1: there is no service 'shop'", "no services"),
    (POOL, "- drop-policy x", "p/events.yaml:1: there is no policy 'x'", "none"),
    (POOL, "evacuate h1", "p/events.yaml:1: a list is wanted here", "- "),
)


@pytest.mark.parametrize(("pool", "events", "message", "hint"), WRONG)
def test_a_mistake_is_pointed_at(pool: str, events: str, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as wrong:
        play_folder("p", {"pool.yaml": pool, "events.yaml": events})
    assert wrong.value.message.startswith(message)
    assert hint in wrong.value.hint


def test_a_folder_without_its_files_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no scenarios in it"):
        scenarios(tmp_path)
    (tmp_path / "pool.yaml").write_text(POOL)
    with pytest.raises(Invalid, match=r"has no events\.yaml"):
        play_folder("p", read(tmp_path))


def test_the_reference_names_every_word() -> None:
    page = (FOLDER.parents[1] / "docs/reference/scenarios.md").read_text(encoding="utf-8")
    words = {*EXAMPLES.values(), *BIG, *HOST_WORDS, *VM_WORDS, *SERVER_WORDS}
    words |= {f"{option}=" for option in (*HOST_OPTIONS, *VM_OPTIONS, *RACK_OPTIONS)}
    assert sorted(word for word in words if f"`{word}" not in page) == []


def test_what_is_printed_is_not_taken_for_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`:a:` is the name of one in the library that prints."""
    (tmp_path / "pool.yaml").write_text("about: x\nhosts:\n  h1: 8GiB +rack:a\n")
    (tmp_path / "events.yaml").write_text("- death-map\n")
    run(["simulate", str(tmp_path)])
    assert "rack:a: 0 stop" in capsys.readouterr().out


def test_simulate_compares_and_updates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pool.yaml").write_text(POOL)
    (tmp_path / "events.yaml").write_text("- evacuate h1\n")
    assert run(["simulate", str(tmp_path)]) == 1
    assert "has no expect.plan" in capsys.readouterr().err
    assert run(["simulate", str(tmp_path), "--update"]) == 0
    assert run(["simulate", str(tmp_path)]) == 0
    assert "1. migrate web1: h1 -> h2" in capsys.readouterr().out
    outcome = tmp_path / "expect.outcome"
    outcome.write_text(outcome.read_text().replace("running on h2", "running on h1"))
    assert run(["simulate", str(tmp_path)]) == 1
    assert "-  web1: running on h1" in capsys.readouterr().out
    (tmp_path / "events.yaml").write_text("- evacuate h9\n")
    assert run(["simulate", str(tmp_path)]) == 2
    assert "events.yaml:1: there is no host 'h9' now" in capsys.readouterr().err
