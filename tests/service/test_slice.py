"""The main job over HTTP, from adding an endpoint to an emptied host."""

from typing import Any

import httpx

from tests.service.manager_kit import finished, problem


def test_hosts_and_vms_are_listed_searched_and_paged(pool: httpx.Client) -> None:
    hosts = pool.get("/hosts").json()
    assert [host["name"] for host in hosts["items"]] == ["h1", "h2", "h3"]
    assert hosts["total"] == 3
    query = {"q": "state = running order by memory desc", "limit": "2"}
    first = pool.get("/vms", params=query).json()
    second = pool.get("/vms", params={**query, "cursor": first["next"]}).json()
    names = [vm["name"] for page in (first, second) for vm in page["items"]]
    assert len(set(names)) == 4
    assert first["total"] == second["total"] >= 4


def test_a_list_counts_all_that_match_on_whatever_page(pool: httpx.Client) -> None:
    page = pool.get("/vms", params={"limit": 1, "facets": "state, host"}).json()
    assert [one["field"] for one in page["facets"]] == ["state", "host"]
    for facet in page["facets"]:
        assert sum(one["count"] for one in facet["values"]) == page["total"]
    every = pool.get("/vms").json()["items"]
    assert page["totals"]["memory_bytes"] == sum(vm["memory_mib"] for vm in every) << 20
    assert page["totals"]["vcpus"] == sum(vm["vcpus"] for vm in every)
    hosts = pool.get("/hosts", params={"facets": "datastore"}).json()
    assert hosts["totals"]["vms"] == len(every)
    assert not hosts["facets"][0]["more"]
    refused = pool.get("/vms", params={"facets": "nosuch"})
    assert refused.status_code == 422
    assert "no 'nosuch'" in refused.json()["detail"]
    assert pool.get("/plans", params={"facets": "state"}).status_code == 422


def test_an_evacuation_is_previewed_and_then_run(pool: httpx.Client) -> None:
    before = pool.get("/hosts/h1").json()
    preview = pool.post("/hosts/h1/evacuate", params={"dry_run": "true"})
    assert preview.status_code == 200
    plan = preview.json()
    assert plan["state"] == "recommended"
    assert plan["steps"][-1]["action"] == {"type": "enter-maintenance", "host": before["id"]}
    assert all(step["why"] for step in plan["steps"])
    assert pool.get("/hosts/h1").json()["vms"] == before["vms"], "a preview changes nothing"

    done = finished(pool, pool.post(f"/plans/{plan['id']}/run"))
    assert done["state"] == "done"
    assert done["progress_percent"] == 100
    assert pool.get("/hosts/h1").json()["maintenance"] is True
    running = pool.get("/vms", params={"q": "host.name = h1 and state = running"}).json()
    assert running["total"] == 0
    assert pool.get(f"/plans/{plan['id']}").json()["state"] == "done"
    problem(pool.post(f"/plans/{plan['id']}/run"), 409)

    opened = finished(pool, pool.post("/hosts/h1/leave-maintenance"))
    assert opened["state"] == "done"


def test_many_vms_are_made_with_names_and_addresses_of_their_own(pool: httpx.Client) -> None:
    wish = {"name": "web", "image": "base", "count": 3, "memory": "256MiB", "networks": ["net1"]}
    done = finished(pool, pool.post("/vms", json={**wish, "tags": ["prod"]}))
    assert done["state"] == "done", done
    made = pool.get("/vms", params={"q": "tag = prod order by name"}).json()["items"]
    assert [vm["name"] for vm in made] == ["web-1", "web-2", "web-3"]
    assert {vm["state"] for vm in made} == {"running"}
    macs = {nic["mac"] for vm in made for nic in vm["nics"]}
    assert len(macs) == 3
    assert all(mac.startswith("52:54:00:") for mac in macs)


def test_a_vm_lives(pool: httpx.Client) -> None:
    wish = {"name": "life", "image": "base", "memory": "256MiB", "networks": ["net1"]}
    assert finished(pool, pool.post("/vms", json=wish))["state"] == "done"
    for deed, state in (
        ("pause", "paused"), ("resume", "running"), ("migrate", "running"),
        ("reboot", "running"), ("power-off", "stopped"), ("start", "running"),
        ("shut-down", "stopped"),
    ):  # fmt: skip
        done = finished(pool, pool.post(f"/vms/life/{deed}", json={}))
        assert done["state"] == "done", (deed, done)
        assert pool.get("/vms/life").json()["state"] == state
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("rename", {"name": "life2"}),
        ("reconfigure", {"vcpus": 2, "memory": "384MiB"}),
        ("disks", {"size": "1GiB"}),
        ("nics", {"network": "net2"}),
        ("snapshots", {"name": "s1"}),
    )
    for path, body in changes:
        key = pool.get("/vms", params={"q": "name ~ life"}).json()["items"][0]["id"]
        done = finished(pool, pool.post(f"/vms/{key}/{path}", json=body))
        assert done["state"] == "done", (path, done)
    vm = pool.get("/vms/life2").json()
    assert (vm["vcpus"], vm["memory_mib"]) == (2, 384)
    assert [disk["target"] for disk in vm["disks"]] == ["vda", "vdb"]
    assert len(vm["nics"]) == 2
    assert finished(pool, pool.post("/vms/life2/snapshots/s1/revert"))["state"] == "done"
    for path in ("snapshots/s1", "disks/vdb", f"nics/{vm['nics'][1]['mac']}"):
        assert finished(pool, pool.delete(f"/vms/life2/{path}"))["state"] == "done", path
    gone = pool.delete("/vms/life2", params={"volumes": "true"})
    assert finished(pool, gone)["state"] == "done"
    problem(pool.get("/vms/life2"), 404)


def test_events_tell_who_did_what(pool: httpx.Client) -> None:
    answer = pool.patch("/vms/vm1", json={"tags": ["b", "a"]})
    assert answer.json()["tags"] == ["a", "b"]
    latest = pool.get("/events", params={"limit": "1"}).json()["items"][0]
    assert latest["by"] == "admin"
    assert latest["subject_id"] == answer.json()["id"]
