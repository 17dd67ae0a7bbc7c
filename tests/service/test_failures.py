"""Failures that have not happened: asked for over HTTP and from the command line."""

from collections.abc import Iterator

import pytest
import structlog

from tests.service.manager_kit import Manager, add_sim, finished, problem, running
from tests.unit.cli_kit import Terminal


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("failures")) as made:
        with made.client() as client:
            add_sim(client, "site", "hosts=4&vms=12&seed=3&ours_percent=80")
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def test_what_would_happen_is_said_with_proofs_and_nothing_is_done(
    manager: Manager, anypool: Terminal
) -> None:
    with manager.client() as client:
        query = {"q": "state = running and host.name = h1"}
        ran = {one["id"]: one for one in client.get("/vms", params=query).json()["items"]}
        found = client.get("/pools/default/what-if", params={"host": "h1"}).json()
        after = {one["id"]: one for one in client.get("/vms", params=query).json()["items"]}
    assert ran
    assert {one["vm"] for one in found["vms"] + found["lost"]} == set(ran) == set(after)
    assert all(one["home_name"] == "h1" != one["host_name"] for one in found["vms"])
    assert found["proofs"][0]["reason"]["code"] == "fail.proof"
    shown = anypool("pool", "what-if", "default", "--host", "h1")
    assert shown.code == 0, shown.err
    assert "To be proven first: h1 is proven dead: its power is off, or it is fenced." in shown.err
    assert "Nothing was done" in shown.err


def test_a_failure_is_rehearsed_on_a_copy_and_nothing_is_done(
    manager: Manager, anypool: Terminal
) -> None:
    with manager.client() as client:
        before = client.get("/hosts").json()
        found = client.get("/pools/default/rehearsal", params={"host": "h1"}).json()
        assert client.get("/hosts").json() == before
        assert client.get("/plans").json()["total"] == 0
        store = client.get("/datastores").json()["items"][0]["name"]
        refused = client.get("/pools/default/rehearsal", params={"datastore": store})
        assert "cannot be rehearsed" in problem(refused, 422)["detail"]
    whats = [one["what"] for one in found["moments"]]
    assert whats[0] == "fails"
    assert not found["guarded"]
    times = [one["at_s"] for one in found["moments"]]
    assert times == sorted(times)
    assert {one["id"] for one in found["vms"] if not one["ends_on"]} == {
        one["vm"] for one in found["moments"] if one["what"] == "down"
    }
    assert found["lost"] == sum(not one["ends_on"] for one in found["vms"])
    shown = anypool("pool", "rehearse", "default", "--host", "h1", "--how", "hangs")
    assert shown.code == 0, shown.err
    assert "nothing happened" in shown.err
    assert "No policy of the kind ha" in shown.err


def test_a_policy_of_priorities_decides_who_restarts(manager: Manager, anypool: Terminal) -> None:
    with manager.client() as client:
        found = client.get("/pools/default/what-if", params={"host": "h1"}).json()
        name = found["vms"][-1]["vm_name"]
    added = anypool("policy", "add", "off", "restart", f"name = {name}", "--priority", "disabled")
    assert added.code == 0, added.err
    shown = anypool("pool", "what-if", "default", "--host", "h1", "-o", "name")
    assert shown.out.split() == [name]
    assert (
        "a policy says that it does not restart"
        in anypool("pool", "what-if", "default", "--host", "h1").out
    )
    assert anypool("policy", "remove", "off", "--yes").code == 0


def test_domains_and_datastores_fail_too(manager: Manager, anypool: Terminal) -> None:
    for name in ("h1", "h2"):
        assert anypool("host", "tag", name, "rack:r1").code == 0
    with manager.client() as client:
        found = client.get("/pools/default/what-if", params={"domain": "rack:r1"}).json()
        assert (found["kind"], found["hosts"]) == ("rack", ["h1", "h2"])
        stores = client.get("/datastores").json()["items"]
        shared = next(one for one in stores if one["shared"])
        query = {"datastore": shared["name"]}
        found = client.get("/pools/default/what-if", params=query).json()
        assert found["lost"]
        assert not found["vms"] + found["proofs"]


def test_questions_that_make_no_sense_are_refused(manager: Manager, anypool: Terminal) -> None:
    with manager.client() as client:
        path = "/pools/default/what-if"
        assert "one of the three" in problem(client.get(path), 422)["detail"]
        problem(client.get(path, params={"host": "h1", "domain": "rack:r1"}), 422)
        problem(client.get(path, params={"domain": "rack:zz"}), 404)
        problem(client.get("/pools/nowhere/what-if", params={"host": "h1"}), 404)
    wrong = anypool("pool", "what-if", "default", "--host", "h9")
    assert "there is no host 'h9'" in wrong.err
    assert wrong.code != 0


def test_the_death_map_names_every_failure_and_follows_the_pool(
    manager: Manager, anypool: Terminal
) -> None:
    with manager.client() as client:
        path = "/pools/default/death-map"
        found = client.get(path, params={"q": "kind = host order by name"}).json()["items"]
        assert [one["name"] for one in found] == ["h1", "h2", "h3", "h4"]
        what_if = client.get("/pools/default/what-if", params={"host": "h1"}).json()
        assert found[0]["vms"] == len(what_if["vms"]) + len(what_if["lost"])
        fates = "/pools/default/fates"
        query = {"q": "kind = host and from = h1", "limit": 1000}
        before = client.get(fates, params=query).json()["items"]
        places = {one["vm"]: one["host"] for one in what_if["vms"]}
        assert {one["vm"]: one["host"] for one in before if one["host"]} == places
        stopped = before[0]["vm"]
        answer = client.post(f"/vms/{stopped}/power-off")
        assert finished(client, answer)["state"] == "done"
        after = client.get(fates, params=query).json()["items"]
        assert {one["vm"] for one in before} - {one["vm"] for one in after} == {stopped}
        facets = client.get(fates, params={"facets": "survives", "limit": 1}).json()
        assert facets["facets"][0]["field"] == "survives"
        problem(client.get("/pools/nowhere/death-map"), 404)
    shown = anypool("pool", "death-map", "default", "-f", "kind = datastore and lost > 0")
    assert "its disk lies on" in shown.out
    shown = anypool("pool", "death-map", "default", "--vms", "-f", "survives = false")
    assert "never" in shown.out
    assert "roomy" not in shown.out


def test_how_many_more_fit_is_said_also_when_hosts_may_fail(
    manager: Manager, anypool: Terminal
) -> None:
    with manager.client() as client:
        free = [one["memory_free_mib"] for one in client.get("/hosts").json()["items"]]
        path = "/pools/default/capacity"
        plain = client.get(path, params={"memory": "1GiB"}).json()
        assert plain["count"] == sum(mib // 1024 for mib in free) == plain["bound"]
        assert sum(one["vms"] for one in plain["hosts"]) == plain["count"]
        safe = client.get(path, params={"memory": "1GiB", "survive": 1}).json()
        assert 0 < safe["count"] < plain["count"]
        assert safe["exact"]
        assert client.get(path, params={"memory": "1GiB", "vcpus": 128}).json()["count"] == 0
        problem(client.get(path, params={"memory": "1GiB", "survive": 4}), 422)
        problem(client.get(path), 422)
    shown = anypool("pool", "capacity", "default", "--size", "2cpu,1GiB", "--survive", "1")
    assert f"{safe['count']} more of 2cpu,1GiB fit such that any 1 host may fail" in shown.err
    assert "has no memory" in anypool("pool", "capacity", "default", "--size", "2cpu").err


def test_a_failover_policy_refuses_what_takes_the_spare_room_unless_it_is_overruled(
    manager: Manager, anypool: Terminal
) -> None:
    added = anypool("policy", "add", "spare", "failover", "pool = default", "--failures", "1")
    assert added.code == 0, added.err
    with manager.client() as client:
        shown = client.get("/pools/default").json()["failover"]
        assert [one["policy"] for one in shown] == ["spare"]
    assert "policy spare" in anypool("pool", "show", "default").out
    for name in ("h1", "h2", "h3"):
        refused = anypool("host", "evacuate", name, "--dry-run")
        if refused.code:
            break
        assert anypool("host", "evacuate", name, "--watch").code == 0
    assert "less would survive a failure than now: policy spare" in refused.err
    assert "--ignore-failover" in refused.err
    forced = anypool("host", "evacuate", name, "--ignore-failover", "--dry-run")
    assert forced.code == 0, forced.err
    assert "all the same, as admin asked: policy spare" in forced.out
    with manager.client() as client:
        path = f"/hosts/{name}/evacuate"
        problem(client.post(path), 409)
        answer = client.post(path, params={"ignore_failover": True})
        run = finished(client, answer)
        assert run["state"] == "done"
        assert client.get(f"/plans/{run['plan']}").json()["waived"]
