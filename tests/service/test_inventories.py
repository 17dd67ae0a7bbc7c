"""Stored inventories and retention through a whole manager."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, finished, problem, running, until


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Manager, httpx.Client]]:
    with (
        running(tmp_path_factory.mktemp("state"), inventory_every_s=0.3) as manager,
        manager.client() as client,
    ):
        add_sim(client)
        yield manager, client


def newest(client: httpx.Client) -> dict[str, object]:
    items: list[dict[str, object]] = client.get("/inventories").json()["items"]
    return items[0] if items else {}


def test_the_pool_as_it_was_and_what_changed_since(kept: tuple[Manager, httpx.Client]) -> None:
    _, client = kept
    stored = until(lambda: newest(client) if newest(client).get("vms") == 6 else {}, "stored")
    content = client.get(f"/inventories/{stored['id']}/content").json()
    assert {vm["name"] for vm in content["vms"]} == {f"vm{number}" for number in range(1, 7)}
    shown = client.get(f"/inventories/{str(stored['digest'])[:12]}").json()
    assert shown["digest"] == stored["digest"]
    assert finished(client, client.post("/hosts/h1/evacuate"))["state"] == "done"

    def emptied() -> object:
        found = client.get(f"/inventories/{stored['id']}/differences").json()["items"]
        return [one for one in found if one["kind"] == "host" and one["name"] == "h1"]

    (host,) = until(emptied, "the host differs")
    fields = {field["name"]: (field["before"], field["after"]) for field in host["fields"]}
    assert fields["maintenance"] == (False, True)
    later = until(
        lambda: newest(client) if newest(client)["digest"] != stored["digest"] else {}, "stored"
    )
    both = client.get(
        f"/inventories/{stored['id']}/differences", params={"to": str(later["id"])}
    ).json()
    assert both["more"] is False
    problem(client.get("/inventories/999999"), 404)


def test_each_plan_has_the_inventory_it_was_made_from(kept: tuple[Manager, httpx.Client]) -> None:
    _, client = kept
    plan = client.post("/hosts/h2/evacuate", params={"dry_run": "true"}).json()
    stored = client.get("/inventories").json()["items"]
    assert plan["id"] in {one["plan"] for one in stored}


def test_what_is_kept_is_shown_and_thinned_out(kept: tuple[Manager, httpx.Client]) -> None:
    manager, client = kept
    shown = {one["kind"]: one for one in client.get("/retention").json()["items"]}
    assert shown["events"]["rows"] > 0
    assert shown["events"]["setting"] == "keep_events_days"
    assert shown["inventories"]["bytes"] > 0
    answer = client.post("/retention/run", json={"kinds": ["events"]})
    assert answer.json() == {"removed": {"events": 0}}
    shown = {one["kind"]: one for one in client.get("/retention").json()["items"]}
    assert shown["events"]["ran_at"] is not None
    problem(client.post("/retention/run", json={"kinds": ["everything"]}), 422)
    with manager.client(Role.OPERATOR) as other:
        problem(other.post("/retention/run", json={}), 403)


@pytest.mark.parametrize("kind", ["old", "new"])
def test_records_are_only_removed_when_they_are_old(tmp_path: Path, kind: str) -> None:
    keep = 0.000001 if kind == "old" else 1.0
    settings = {"retention_every_s": 0.3, "keep_events_days": keep}
    with running(tmp_path, **settings) as manager, manager.client() as client:
        add_sim(client)

        def done() -> object:
            shown = {one["kind"]: one for one in client.get("/retention").json()["items"]}
            events = shown["events"]
            return events["removed_ever"] if kind == "old" else events["ran_at"]

        until(done, "the manager does it by itself")
        if kind == "new":
            assert client.get("/events").json()["total"] > 0
