"""Plans, refusals and what became of them, in the language that the caller asked for."""

import httpx
import pytest

from anypool.cli import connection
from tests.service.manager_kit import finished, problem

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def test_a_plan_its_run_and_its_events_in_german(pool: httpx.Client) -> None:
    plan = pool.post("/hosts/h2/evacuate", params={"dry_run": "true"}, headers=GERMAN).json()
    assert plan["goal"] == "h2 räumen"
    assert plan["text"].startswith("Plan: h2 räumen")
    assert "Wartung auf h2 beginnen" in plan["steps"][-1]["text"]
    english = pool.get(f"/plans/{plan['id']}").json()
    assert english["goal"] == "evacuate h2"
    move = english["steps"][0]
    assert move["reason"]["code"].startswith("place.")
    assert plan["steps"][0]["reason"] == move["reason"], "code and facts have no language"
    facts = {fact["name"]: fact for fact in move["reason"]["facts"]}
    assert facts["free"]["kind"] == "mib"
    assert isinstance(facts["free"]["value"], int)

    finished(pool, pool.post(f"/plans/{plan['id']}/run", headers=GERMAN))
    event = pool.get("/events", params={"q": "kind = run.done"}, headers=GERMAN).json()["items"][0]
    assert event["message"] == "h2 räumen: fertig"
    assert event["said"]["code"] == "event.run"
    rows = pool.get("/plans", headers=GERMAN).json()["items"]
    assert "h2 räumen" in {row["goal"] for row in rows}
    rows = pool.get("/operations", headers=GERMAN).json()["items"]
    assert rows[0]["goal"] == "h2 räumen"
    rejected = pool.post("/hosts/h1/evacuate", params={"dry_run": "true"}).json()
    note = pool.post(f"/plans/{rejected['id']}/reject", headers=GERMAN).json()["note"]
    assert note == "abgelehnt von admin"
    finished(pool, pool.post("/hosts/h2/leave-maintenance"))


def test_a_refusal_in_german(pool: httpx.Client) -> None:
    vm = pool.get("/vms", params={"q": "state = running"}).json()["items"][0]
    path = f"/vms/{vm['id']}/migrate"
    answer = pool.post(path, json={"host": vm["host_name"]}, headers=GERMAN)
    found = problem(answer, 409)
    assert found["detail"] == f"{vm['name']} ist schon auf {vm['host_name']}"
    assert found["reason"]["code"] == "is.there-already"
    english = problem(pool.post(path, json={"host": vm["host_name"]}), 409)
    assert english["detail"] == f"{vm['name']} is on {vm['host_name']} already"


@pytest.mark.parametrize(
    ("environment", "tag"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de-DE"),
        ({"LANG": "C.UTF-8"}, "C"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "de_AT"}, "de-AT"),
        ({"LANG": "de\r\nX: y"}, "en"),
        ({}, "en"),
    ],
)
def test_the_command_line_speaks_as_its_environment(
    environment: dict[str, str], tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert connection._spoken() == tag
