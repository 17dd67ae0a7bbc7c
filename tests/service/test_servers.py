"""Physical servers over HTTP and the command line, with a simulated chassis."""

import httpx
import pytest

from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, problem


@pytest.fixture(scope="module")
def servers(pool: httpx.Client) -> httpx.Client:
    add_sim(pool, "rack", "hosts=1&vms=1&servers=3")
    return pool


def test_servers_are_listed_searched_and_shown(servers: httpx.Client) -> None:
    page = servers.get("/servers", params={"q": "chassis = bx1 order by name"}).json()
    assert [one["name"] for one in page["items"]] == ["blade1", "blade2", "blade3"]
    one = servers.get("/servers/blade2").json()
    assert (one["power"], one["slot"], one["host"]) == ("off", "2", "")
    assert [port["permanent"] for port in one["adapters"][0]["ports"]] == [
        "02:5a:00:00:02:01", "02:5a:00:00:02:02",
    ]  # fmt: skip
    assert problem(servers.get("/servers/none"), 404)["hint"] == "`anypool server list` shows them"


def test_what_is_said_of_a_server_is_kept_and_told(servers: httpx.Client) -> None:
    said = servers.patch("/servers/blade1", json={"spare": True, "tags": ["cold"]}).json()
    assert (said["spare"], said["tags"]) == (True, ["cold"])
    assert servers.get("/servers", params={"q": "spare = yes"}).json()["total"] == 1
    told = servers.get("/events", params={"q": f"subject = {said['id']}"}).json()["items"]
    assert any("blade1 changed" in one["message"] for one in told)
    problem(servers.patch("/servers/blade1", json={"name": "no name"}), 422)
    problem(servers.patch("/servers/blade1", json={"adoption": "stolen"}), 422)
    stale = servers.patch("/servers/blade1", json={"spare": False}, headers={"If-Match": '"x"'})
    problem(stale, 412)


def test_a_viewer_may_look_and_not_change(servers: httpx.Client, manager: Manager) -> None:
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.get("/servers/blade1").status_code == 200
        problem(viewer.patch("/servers/blade1", json={"spare": True}), 403)


def test_what_bmcs_tell_is_off_until_it_is_set_and_a_push_that_proves_nothing_is_refused(
    pool: httpx.Client, manager: Manager
) -> None:
    assert pool.get("/traps").json() == {"listen": "", "problem": "", "items": [], "total": 0}
    key = "0" * 32
    with manager.anonymous() as stranger:
        for body in (b"{}", b"\xff" * 100, b""):
            problem(stranger.post(f"/pushes/{key}", content=body), 404)
        assert stranger.post(f"/pushes/{key}", content=b"x" * (1 << 17)).status_code == 413
    shown = pool.get("/event-subscriptions").json()
    assert (shown["url"], shown["unknown"], shown["items"]) == ("", 3, [])
