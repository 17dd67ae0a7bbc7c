"""What must be refused: a clear problem document, never a 5xx, and nothing left behind."""

from typing import Any

import httpx
import pytest

from tests.service.manager_kit import Manager, add_sim, finished, problem, until

BAD_NAMES = [
    "", "..", "-rf", "a/b", "a</name><disk>", "a'b", 'a"b', "a]]>b", "a\x00b", "a\u202eb",
    "x" * 64, "x" * 3000, "%n%n", "a b", "grün", "a\n", "😀",
]  # fmt: skip


@pytest.fixture
def untouched(pool: httpx.Client) -> Any:
    """Nothing may be there afterwards that was not there before."""

    def everything() -> list[list[str]]:
        nouns = ("vms", "endpoints", "images", "volumes")
        return [
            sorted(
                str(row.get("id") or row.get("name")) for row in pool.get(f"/{n}").json()["items"]
            )
            for n in nouns
        ]

    before = everything()
    yield
    assert everything() == before


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.usefixtures("untouched")
def test_b12_names_that_are_no_names(pool: httpx.Client, name: str) -> None:
    problem(pool.post("/vms", json={"name": name, "image": "base", "networks": []}), 422)
    problem(pool.post("/vms/vm1/rename", json={"name": name}), 422)
    problem(pool.post("/vms/vm1/snapshots", json={"name": name}), 422)
    if "/" not in name:
        problem(pool.patch("/vms/vm1", json={"tags": [name]}), 422)


@pytest.mark.parametrize(
    "extra",
    [
        {"xml": "<domain/>"}, {"qemu_commandline": ["-monitor"]}, {"id": "x"}, {"state": "running"},
        {"host_id": "x"}, {"made_by": "x"}, {"internal_epoch": 1}, {"owner": "root"},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("untouched")
def test_b13_b22_fields_that_are_not_offered(pool: httpx.Client, extra: dict[str, Any]) -> None:
    body = {"name": "x", "image": "base", "networks": [], **extra}
    found = problem(pool.post("/vms", json=body), 422)
    assert next(iter(extra)) in found["detail"]


@pytest.mark.parametrize("path", ["/etc/shadow", "/dev/sda", "../../etc/passwd", "a/b", ".hidden"])
@pytest.mark.usefixtures("untouched")
def test_b14_paths_instead_of_volumes(pool: httpx.Client, path: str) -> None:
    body = {"name": "evil", "datastore": "demo-shared1", "volume": path}
    problem(pool.post("/images", json=body), 422)


def test_b23_if_match(pool: httpx.Client) -> None:
    seen = pool.get("/vms/vm2")
    first = pool.patch("/vms/vm2", json={"tags": ["x"]}, headers={"If-Match": seen.headers["ETag"]})
    assert first.status_code == 200
    assert first.headers["ETag"] != seen.headers["ETag"]
    late = pool.patch("/vms/vm2", json={"tags": ["y"]}, headers={"If-Match": seen.headers["ETag"]})
    problem(late, 412)
    assert pool.get("/vms/vm2").json()["tags"] == ["x"]


def test_b23_idempotency_key(pool: httpx.Client) -> None:
    body = {"name": "once", "image": "base", "memory": "64MiB", "networks": []}
    key = {"Idempotency-Key": "k-1"}
    first = pool.post("/vms", json=body, headers=key)
    finished(pool, first)
    second = pool.post("/vms", json=body, headers=key)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    problem(pool.post("/vms", json={**body, "name": "other"}, headers=key), 409)
    failed = {"Idempotency-Key": "k-2"}
    wrong = {**body, "name": "other", "image": "none"}
    problem(pool.post("/vms", json=wrong, headers=failed), 404)
    again = pool.post("/vms", json={**body, "name": "other"}, headers=failed)
    finished(pool, again)

    def volumes() -> bool:
        names = [row["name"] for row in pool.get("/volumes").json()["items"]]
        return sum(name.startswith(("once-", "other-")) for name in names) == 2

    until(volumes, "the new VMs' volumes are known, before other tests look at what there is")


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=0", "limit=1000000000", "limit=x", "cursor=abc", "cursor=%00",
        "cursor=WyIiLCJ4IiwtMV0", "foo=1", "q=namme+%3D+x", "q=(((", "q=name+~+" + "a" * 3000,
    ],
)  # fmt: skip
def test_b24_pages_and_queries(pool: httpx.Client, query: str) -> None:
    for noun in ("vms", "hosts", "plans", "operations", "events"):
        problem(pool.get(f"/{noun}?{query}"), 422)


def test_b24_a_pattern_is_no_regular_expression(pool: httpx.Client) -> None:
    answer = pool.get("/vms", params={"q": 'name = "' + "(a+)+" * 20 + '$"'})
    assert answer.json()["total"] == 0
    assert answer.elapsed.total_seconds() < 1


@pytest.mark.parametrize(
    "mac",
    ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "52:54:00", "zz:54:00:1:2:3"],
)
@pytest.mark.usefixtures("untouched")
def test_b32_addresses_no_adapter_can_have(pool: httpx.Client, mac: str) -> None:
    problem(pool.post("/vms/vm1/nics", json={"network": "net1", "mac": mac}), 422)


def test_b32_an_address_in_use(pool: httpx.Client) -> None:
    nics = [nic for vm in pool.get("/vms").json()["items"] for nic in vm["nics"]]
    body = {"network": "net1", "mac": nics[0]["mac"]}
    assert "in use" in problem(pool.post("/vms/vm1/nics", json=body), 409)["detail"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "vm1", "image": "base"}, 409),
        ({"name": "x", "image": "none"}, 404),
        ({"name": "x", "image": "base", "memory": "900GiB", "networks": []}, 409),
        ({"name": "x", "image": "base", "host": "nowhere", "networks": []}, 404),
        ({"name": "x", "image": "base", "networks": ["nowhere"]}, 404),
        ({"name": "x", "image": "base"}, 422),
        ({"name": "x", "image": "base", "memory": "many"}, 422),
        ({"name": "x", "image": "base", "memory": "1MiB", "networks": []}, 422),
        ({"name": "x", "image": "base", "disk": "1MiB", "networks": []}, 422),
        ({"name": "x", "image": "base", "vcpus": 0}, 422),
        ({"name": "x", "image": "base", "count": 100000}, 422),
        ({"name": "x", "image": "base", "cmdline": "a\nb", "networks": []}, 422),
        ({"name": "x" * 63, "image": "base", "count": 2, "networks": []}, 422),
        ({"name": 7, "image": "base"}, 422),
        ([], 422),
    ],
)
def test_vms_that_cannot_be(pool: httpx.Client, body: Any, status: int) -> None:
    problem(pool.post("/vms", json=body), status)


def test_not_enough_memory_says_so_for_each_host(pool: httpx.Client) -> None:
    body = {"name": "huge", "image": "base", "memory": "900GiB", "networks": []}
    found = problem(pool.post("/vms", json=body), 409)
    assert set(found["refusals"]) == {"h1", "h2", "h3"}
    assert all("short" in why for why in found["refusals"].values())
    assert found["hint"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"uri": "nonsense"}, 422),
        ({"uri": "ftp://h1"}, 422),
        ({"uri": "qemu+ssh://root:secret@h1/system"}, 422),
        ({"uri": "sim://demo?hosts=3&vms=6&seed=1"}, 409),
        ({"uri": "sim://demo/h2?hosts=3&vms=6&seed=1", "name": "again"}, 409),
        ({"uri": "sim://locked?hosts=1&password=right", "password": "wrong"}, 422),
        ({"uri": "sim://odd?hosts=many"}, 422),
        ({"uri": "sim://dark?fault=info:hang:1", "name": "../x"}, 422),
    ],
)
def test_endpoints_that_cannot_be(pool: httpx.Client, body: Any, status: int) -> None:
    found = problem(pool.post("/endpoints", json=body), status)
    assert "secret" not in str(found)


def test_an_endpoint_whose_host_is_managed_already(manager: Manager, pool: httpx.Client) -> None:
    found = problem(pool.post("/endpoints", json={"uri": "sim://demo/h1", "name": "twice"}), 409)
    assert "managed" in found["detail"]


def test_bodies_that_are_no_json_or_too_big(pool: httpx.Client) -> None:
    problem(pool.post("/vms", content=b"{"), 400)
    problem(pool.post("/vms", content=b'{"name": "' + b"x" * (2 << 20) + b'"}'), 413)
    key = {"Idempotency-Key": "big"}
    problem(pool.post("/vms", content=b"x" * (2 << 20), headers=key), 413)
    assert "body" in problem(pool.post("/vms"), 422)["detail"]


def test_unknown_things(pool: httpx.Client) -> None:
    for path in (
        "/vms/nope", "/hosts/nope", "/plans/nope", "/operations/nope", "/datastores/nope",
        "/networks/nope", "/images/nope", "/endpoints/nope", "/vms/%2e%2e%2f", "/nope",
        "//evil.example/%2F..",
    ):  # fmt: skip
        problem(pool.get(path), 404)
    problem(pool.post("/vms/nope/start"), 404)
    problem(pool.put("/vms/vm1"), 405)


def test_removing_an_endpoint_removes_its_hosts(pool: httpx.Client) -> None:
    add_sim(pool, "brief", "hosts=1&vms=0&seed=9")
    assert pool.get("/hosts", params={"q": "endpoint = brief"}).json()["total"] == 1
    assert pool.delete("/endpoints/brief").status_code == 204
    assert pool.get("/hosts", params={"q": "endpoint = brief"}).json()["total"] == 0
    problem(pool.get("/endpoints/brief"), 404)
