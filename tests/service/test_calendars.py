"""Calendars through HTTP and the command line, on a manager with simulated servers."""

import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from anypool.store import calendars
from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, problem, until
from tests.unit.cli_kit import Terminal

WEEK: dict[str, Any] = {
    "name": "blades",
    "servers": "endpoint = swinging and name in (blade1, blade2)",
    "zone": "Europe/Berlin",
    "purposes": [
        {"name": "production", "profiles": ["shop"]},
        {"name": "reporting", "profiles": ["books"]},
    ],
    "spans": [{"purpose": "production", "when": "mon 06:00 - fri 20:00"}],
    "otherwise": "reporting",
}


@pytest.fixture(scope="module")
def racks(pool: httpx.Client) -> httpx.Client:
    add_sim(pool, "swinging", "hosts=1&vms=1&servers=3")
    body = {"name": "s-lan", "kind": "mac", "first": "02:00:00:00:09:00", "count": 64}
    assert pool.post("/address-ranges", json=body).status_code == 201
    for number in (1, 2, 3):
        assert pool.patch(f"/servers/blade{number}", json={"adoption": "adopted"}).is_success
    for name in ("shop", "books", "tests"):
        made = {"name": name, "mac_range": "s-lan"}
        assert pool.post("/profiles", json=made).status_code == 201
    return pool


@pytest.fixture
def week(racks: httpx.Client) -> Any:
    answer = racks.post("/calendars", json=WEEK)
    assert answer.status_code == 201, answer.text
    yield answer.json()
    racks.delete("/calendars/blades")


def test_a_calendar_is_foreseen_before_it_is_kept(racks: httpx.Client) -> None:
    answer = racks.post("/calendars", json=WEEK, params={"dry_run": True})
    assert answer.status_code == 200, answer.text
    turns = answer.json()["turns"]
    wanted = [one["purpose"] for one in turns]
    assert set(wanted) == {"production", "reporting"}
    assert all(one != other for one, other in itertools.pairwise(wanted))
    name = {"production": "shop", "reporting": "books"}
    for one in turns:
        assert name[one["purpose"]] in [bears["profile"] for bears in one["bears"]]
        assert one["plan"]["cost"]["duration_ms"] > 0
        assert one["plan"]["steps"][0]["why"]
    assert turns[1]["begins"][11:] in ("06:00", "20:00")
    problem(racks.get("/calendars/blades"), 404)


def test_it_waits_for_a_person_and_is_carried_out_when_it_is_automatic(
    racks: httpx.Client, week: Any
) -> None:
    def waits() -> Any:
        return racks.get("/calendars/blades").json()["now"]["plan"]

    plan = until(waits, "a plan waits")
    assert racks.get(f"/plans/{plan}").json()["state"] == "recommended"
    now = week["now"]["purpose"]
    name = {"production": "shop", "reporting": "books"}[now]
    changed = racks.patch("/calendars/blades", json={"level": "automatic"})
    assert changed.status_code == 200, changed.text
    until(lambda: racks.get("/calendars/blades").json()["now"]["settled"], "it is settled")
    assert racks.get(f"/profiles/{name}").json()["server"] in ("blade1", "blade2")
    other = ({"production", "reporting"} - {now}).pop()
    held = racks.post("/calendars/blades/hold", json={"until": "2099-01-01", "purpose": other})
    problem(held, 422)
    year = int(racks.get("/calendars/blades/preview").json()["turns"][0]["ends"][:4])
    asked = {"until": f"{year}-12-31", "purpose": other, "words": "a trial"}
    held = racks.post("/calendars/blades/hold", json=asked)
    assert held.status_code == 200, held.text
    assert held.json()["hold"]["words"] == "a trial"
    assert held.json()["now"]["cause"] == "hold"
    wanted = {"production": "shop", "reporting": "books"}[other]
    until(lambda: racks.get(f"/profiles/{wanted}").json()["server"], f"{wanted} is borne")
    until(lambda: racks.get("/calendars/blades").json()["now"]["settled"], "it is settled")
    assert racks.get(f"/profiles/{name}").json()["server"] in (None, "")
    assert racks.post("/calendars/blades/release").json()["hold"] is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"otherwise": "sleep"}, "no purpose 'sleep'"),
        ({"spans": [{"purpose": "production", "when": "mon"},
                    {"purpose": "reporting", "when": "sun 20:00 - mon 08:00"}]}, "overlap"),
        ({"spans": [{"purpose": "production", "when": "now and then"}]}, "no span of the week"),
        ({"exceptions": [{"purpose": "", "when": "2026-02-30"}]}, "no date"),
        ({"purposes": []}, "has purposes"),
        ({"servers": ""}, "about some servers"),
        ({"on_load": {"hosts": "", "profiles": ["tests"], "above_percent": 10}}, "lower limit"),
        ({"on_load": {"hosts": "", "profiles": ["shop"]}}, "belongs to a purpose"),
    ],
)  # fmt: skip
def test_what_cannot_be_says_what_to_do(
    racks: httpx.Client, changes: dict[str, Any], said: str
) -> None:
    told = problem(racks.post("/calendars", json={**WEEK, **changes}), 422)
    assert said in told["detail"]
    assert told["hint"]


def test_one_thing_obeys_one_calendar(racks: httpx.Client, week: Any) -> None:
    two = {**WEEK, "name": "second", "purposes": WEEK["purposes"][:1], "otherwise": ""}
    assert "profile shop" in problem(racks.post("/calendars", json=two), 409)["detail"]
    free = [{"name": "production", "profiles": ["tests"]}]
    told = problem(racks.post("/calendars", json={**two, "purposes": free}), 409)
    assert "server blade1" in told["detail"]
    gone = [{"name": "production", "profiles": ["nobody"]}]
    problem(racks.post("/calendars", json={**WEEK, "purposes": gone}), 404)


def test_a_viewer_looks_and_an_operator_holds(
    racks: httpx.Client, manager: Manager, week: Any
) -> None:
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.get("/calendars").json()["total"] == 1
        assert viewer.get("/calendars/blades/preview").status_code == 200
        problem(viewer.post("/calendars/blades/release"), 403)
    with manager.client(Role.OPERATOR) as operator:
        problem(operator.patch("/calendars/blades", json={"level": "automatic"}), 403)
        problem(operator.post("/calendars/blades/release"), 409)


@pytest.mark.usefixtures("week")
def test_the_command_line_shows_the_week(
    manager: Manager,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    anypool = Terminal(capsys)
    file = tmp_path / "blades.json"
    file.write_text(json.dumps({**WEEK, "description": "in words"}))
    seen = anypool("calendar", "apply", str(file), "--dry-run")
    assert seen.code == 0, seen.err
    lines = seen.out.splitlines()
    rows = [line.split()[0] for line in lines if line.startswith("blade")]
    assert rows == ["blade1", "blade2"]
    assert "All times are those of Europe/Berlin." in lines
    assert anypool("calendar", "apply", str(file)).code == 0
    odd = ("2030-12-25", "reporting", "--words", "a feast")
    added = anypool("calendar", "except", "blades", *odd)
    assert "2030-12-25 reporting (a feast)" in added.out
    shown = anypool("calendar", "preview", "blades", "--steps")
    assert " is on as " in shown.out
    assert "1. " in shown.out
    gone = anypool("calendar", "unexcept", "blades", "2030-12-25")
    assert "a feast" not in gone.out
    assert anypool("calendar", "unexcept", "blades", "2030-12-25").code != 0
    assert "in words" in anypool("calendar", "show", "blades").out
    assert anypool("calendar", "set", "blades").code != 0
    assert "blades" in anypool("calendar", "list").out


@pytest.mark.usefixtures("week")
def test_why_a_restore_holds_it_is_said_in_the_readers_language(
    racks: httpx.Client, manager: Manager
) -> None:
    with manager.app.store.writing() as tx:
        calendars.interrupt(tx, "2026-11-27")
    for language, said in (
        ("en", "restored from the backup of 2026-11-27"),
        ("de", "wiederhergestellt aus der Sicherung vom 2026-11-27"),
    ):
        asked = {"Accept-Language": language}
        told = racks.get("/calendars/blades", headers=asked).json()
        assert said in told["hold"]["words"]
        assert said in told["now"]["words"]
        assert told["hold"]["reason"]["code"] == "calendar.restored"
        turns = racks.get("/calendars/blades/preview", headers=asked).json()["turns"]
        assert said in turns[0]["words"]
    assert racks.post("/calendars/blades/release").json()["hold"] is None
