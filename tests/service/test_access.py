"""Who may do what, over HTTP: every operation of the document, and the ways to log in."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from anypool.api import page
from anypool.api.document import query_names
from anypool.store.records import Role
from tests.service.manager_kit import DEADLINE_S, Manager, problem, until
from tests.service.permissions import LEAST, least_body

RANKS = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMINISTRATOR: 3}


@pytest.fixture(scope="module")
def document(manager: Manager) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{manager.url}/api/openapi.json", timeout=DEADLINE_S).json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def named(method: str, path: str) -> str:
    return f"{method} {path.removeprefix('/api/v1')}"


def test_query_parameters_are_those_of_the_document(
    manager: Manager, document: dict[str, Any]
) -> None:
    """Others are refused, and that is decided without the document."""
    known = query_names(manager.app.web.litestar)
    for method, path, operation in operations(document):
        said = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        assert known[method.upper(), path] == said, (method, path)


def call(
    client: httpx.Client, document: dict[str, Any], wanted: tuple[str, str, dict[str, Any]]
) -> httpx.Response:
    """Call an operation with the smallest body it accepts; a stream is left at once."""
    method, path, operation = wanted
    for name in ("key", "plan", "run", "name", "token", "target"):
        path = path.replace(f"{{{name}}}", "x")
    path = path.replace("{number}", "1").replace("{mac}", "52:54:00:00:00:01")
    more: dict[str, Any] = {}
    if (body := operation.get("requestBody")) is not None:
        more["json"] = least_body(body["content"]["application/json"]["schema"], document)
    url = str(client.base_url).partition("/api/v1")[0] + path
    with client.stream(method.upper(), url, **more) as answer:
        if not answer.headers["content-type"].startswith("text/event-stream"):
            answer.read()
        return answer


def test_every_operation_is_in_the_table_of_permissions(document: dict[str, Any]) -> None:
    assert {named(method, path) for method, path, _ in operations(document)} == LEAST.keys()


def test_who_did_not_log_in_is_refused(manager: Manager, document: dict[str, Any]) -> None:
    with manager.anonymous() as client:
        for wanted in operations(document):
            if LEAST[named(*wanted[:2])] is not None:
                problem(call(client, document, wanted), 401)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_each_role_is_refused_what_it_may_not_do_and_nothing_else(
    manager: Manager, document: dict[str, Any], role: Role
) -> None:
    with manager.client(role) as client:
        for wanted in operations(document):
            name = named(*wanted[:2])
            least = LEAST[name]
            if least is None or name in ("post /logout", "post /me/password"):
                continue
            answer = call(client, document, wanted)
            refused = RANKS[role] < RANKS[least]
            assert (answer.status_code == 403) == refused, (name, answer.text)


def test_what_is_listed_can_be_shown(manager: Manager, document: dict[str, Any]) -> None:
    """Permission to list is permission to get: in the table, whatever noun can be listed."""
    for name, least in LEAST.items():
        if name.startswith("get ") and name.endswith("}"):
            assert LEAST.get(name.rpartition("/")[0], least) == least, name


def test_a_wrong_token_is_no_better_than_none(manager: Manager) -> None:
    with manager.anonymous() as client:
        for token in ("ap_wrong", "x y", "Bearer", "ap_" + "A" * 5000):
            client.headers["Authorization"] = f"Bearer {token}"
            problem(client.get("/vms"), 401)


def test_an_operator_may_not_manage_endpoints_people_or_storage(manager: Manager) -> None:
    with manager.client(Role.OPERATOR) as client:
        problem(client.post("/endpoints", json={"uri": "sim://x"}), 403)
        problem(client.delete("/endpoints/x"), 403)
        problem(client.get("/users"), 403)
        problem(client.post("/users", json={"name": "eve", "role": "administrator"}), 403)
        problem(client.patch("/datastores/x", json={"locking": "effective"}), 403)
        image = {"name": "i", "datastore": "d", "volume": "v"}
        problem(client.post("/images", json=image), 403)
        problem(client.post("/tokens", json={"label": "t", "role": "administrator"}), 403)


def test_a_login_code_works_once(manager: Manager) -> None:
    code = manager.app.services.logins.code("admin")
    with manager.anonymous() as client:
        answer = client.post("/login", json={"code": code})
        assert answer.json()["user"] == "admin"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert client.get("/me").json()["csrf"] == answer.json()["csrf"]
    with manager.anonymous() as client:
        problem(client.post("/login", json={"code": code}), 401)
        problem(client.post("/login", json={"code": "x", "user": "admin"}), 422)


def logged_in(manager: Manager, client: httpx.Client) -> str:
    code = manager.app.services.logins.code("admin")
    csrf: str = client.post("/login", json={"code": code}).json()["csrf"]
    return csrf


def test_a_session_changes_things_only_from_our_own_page(manager: Manager) -> None:
    with manager.anonymous() as client:
        csrf = logged_in(manager, client)
        make = {"json": {"label": "t"}}
        problem(client.post("/tokens", **make), 403)
        problem(client.post("/tokens", **make, headers={"X-Anypool-CSRF": "wrong"}), 403)
        foreign = {"Origin": "https://evil.example", "X-Anypool-CSRF": csrf}
        problem(client.post("/tokens", **make, headers=foreign), 403)
        cross = {"Sec-Fetch-Site": "cross-site", "X-Anypool-CSRF": csrf}
        problem(client.post("/tokens", **make, headers=cross), 403)
        assert client.post("/tokens", **make, headers={"X-Anypool-CSRF": csrf}).status_code == 201
        assert client.post("/tokens", **make, headers={"Origin": manager.url}).status_code == 201


def test_a_session_ends_with_the_logout(manager: Manager) -> None:
    with manager.anonymous() as client:
        csrf = logged_in(manager, client)
        kept = dict(client.cookies)
        assert client.post("/logout", headers={"X-Anypool-CSRF": csrf}).status_code == 204
        assert not client.cookies
        client.cookies.update(kept)
        problem(client.get("/me"), 401)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.x"])
def test_names_that_are_not_ours_are_refused(manager: Manager, host: str) -> None:
    answer = httpx.get(f"{manager.url}/api/v1/health", headers={"Host": host})
    problem(answer, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8420", "LOCALHOST:80"])
def test_addresses_and_own_names_are_fine(manager: Manager, host: str) -> None:
    answer = httpx.get(f"{manager.url}/api/v1/health", headers={"Host": host})
    assert answer.status_code == 200


def test_guessing_is_slowed_down(manager: Manager) -> None:
    with manager.client() as admin, manager.anonymous() as client:
        user = {"name": "carol", "role": "viewer", "password": "correct horse"}
        assert admin.post("/users", json=user).status_code == 201
        good = {"user": "carol", "password": "correct horse"}
        assert client.post("/login", json=good).status_code == 200
        for _ in range(5):
            problem(client.post("/login", json={**good, "password": "wrong"}), 401)
        found = client.post("/login", json=good)
        problem(found, 429)
        assert found.headers["Retry-After"]


def test_users_live_and_their_sessions_end(manager: Manager) -> None:
    with manager.client() as admin, manager.anonymous() as client:
        user = {"name": "dave", "role": "operator", "password": "battery staple"}
        made = admin.post("/users", json=user).json()
        assert "password" not in made
        problem(admin.post("/users", json=user), 409)
        problem(admin.post("/users", json={**user, "name": "erin", "password": "short"}), 422)
        answer = client.post("/login", json={"user": "dave", "password": "battery staple"})
        csrf = {"X-Anypool-CSRF": answer.json()["csrf"]}
        token = client.post("/tokens", json={"label": "t"}, headers=csrf).json()["secret"]
        assert admin.patch("/users/dave", json={"disabled": True}).json()["disabled"]
        problem(client.get("/me"), 401)
        problem(httpx.get(f"{manager.url}/api/v1/me", headers=bearer(token)), 401)
        assert admin.patch("/users/dave", json={"disabled": False, "role": "viewer"}).is_success
        me = httpx.get(f"{manager.url}/api/v1/me", headers=bearer(token)).json()
        assert me["role"] == "viewer", "a token never has more than its user"
        assert admin.delete("/users/dave").status_code == 204
        problem(httpx.get(f"{manager.url}/api/v1/me", headers=bearer(token)), 401)
        problem(admin.patch("/users/admin", json={"role": "viewer"}), 409)
        problem(admin.delete("/users/admin"), 409)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_token(manager: Manager, token: str) -> httpx.Client:
    client = manager.anonymous()
    client.headers.update(bearer(token))
    return client


def test_a_lesser_token_cannot_become_its_user(manager: Manager) -> None:
    with manager.client(Role.VIEWER) as client:
        problem(client.post("/me/password", json={"new": "long enough now"}), 403)
        problem(client.post("/tokens", json={"label": "t", "role": "operator"}), 403)
        made = client.post("/tokens", json={"label": "t"}).json()
        assert made["token"]["role"] == "viewer"


def test_a_limited_token_cannot_become_its_user_either(manager: Manager) -> None:
    with manager.client() as admin:
        made = admin.post("/tokens", json={"label": "t", "deeds": ["own-login"]}).json()
    with by_token(manager, made["secret"]) as limited:
        problem(limited.post("/me/password", json={"new": "long enough now"}), 403)
        whose = {one["user"] for one in limited.get("/tokens").json()["items"]}
        assert whose == {"admin"}


@pytest.mark.usefixtures("pool")
def test_who_may_do_a_deed_sees_what_came_of_it(manager: Manager) -> None:
    """Also who may not look: else it were done, refused and done again."""
    with manager.client() as admin:
        made = admin.post("/tokens", json={"label": "t", "deeds": ["operate-vm"]}).json()
        vm = admin.get("/vms").json()["items"][0]["id"]
    with by_token(manager, made["secret"]) as limited:
        problem(limited.get("/vms"), 403)
        for _ in range(2):
            key = {"Idempotency-Key": "nic-1"}
            added = limited.post(f"/vms/{vm}/nics", json={"network": "net1"}, headers=key)
            assert added.status_code == 202, added.text
        problem(limited.get(f"/vms/{vm}"), 403)
    assert added.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("other", ["a/b=1", 'x={"a":1}', "y=1,2 3", "=;;"])
def test_cookies_of_others_on_this_machine_are_let_be(manager: Manager, other: str) -> None:
    with manager.anonymous() as client:
        logged_in(manager, client)
        mine = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        client.cookies.clear()
        found = client.get("/me", headers={"Cookie": f"{other}; {mine}"})
        assert found.status_code == 200, found.text


def test_secrets_are_not_kept_for_replays(manager: Manager) -> None:
    with manager.client() as client:
        key = {"Idempotency-Key": "t-1"}
        problem(client.post("/tokens", json={"label": "t"}, headers=key), 422)


def test_every_answer_tells_browsers_to_be_careful(manager: Manager) -> None:
    for path in ("/", "/login", "/x.js", "/api/v1/health", "/api/v1/vms", "/nope"):
        headers = httpx.get(manager.url + path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_a_page_without_a_console_says_so_and_has_no_inline_script(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "files", lambda _: tmp_path)
    page.read.cache_clear()
    try:
        for path in ("/", "/login", "/vms/x?q=name%20%3D%20y"):
            answer = httpx.get(manager.url + path, headers={"Accept": "text/html"})
            assert answer.status_code == 200, path
            assert answer.headers["content-type"].startswith("text/html")
            assert "console is not here" in answer.text
            assert "<script" not in answer.text
            assert "style=" not in answer.text
        problem(httpx.get(f"{manager.url}/assets/x.js"), 404)
        problem(httpx.get(f"{manager.url}/vms", headers={"Accept": "application/json"}), 404)
    finally:
        page.read.cache_clear()


def test_files_of_the_console_are_kept_by_their_names(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "web/assets"
    folder.mkdir(parents=True)
    (folder / "x-1.js").write_text("1;" * 500)
    (tmp_path / "web/index.html").write_text("<!doctype html>")
    (tmp_path / "secret.js").write_text("no")
    monkeypatch.setattr(page, "files", lambda _: tmp_path)
    page.read.cache_clear()
    try:
        answer = httpx.get(f"{manager.url}/assets/x-1.js", headers={"Accept-Encoding": "gzip"})
        assert answer.text == "1;" * 500
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert httpx.get(f"{manager.url}/").headers["cache-control"] == "no-cache"
        for path in ("/../secret.js", "/%2e%2e/secret.js", "/assets/../../secret.js"):
            assert "no" not in httpx.get(manager.url + path).text.split('"detail"')[0][:3]
    finally:
        page.read.cache_clear()


def test_the_stream_says_what_changed(manager: Manager, pool: httpx.Client) -> None:
    seen: list[str] = []
    opened = threading.Event()
    done = threading.Event()

    def listen() -> None:
        with (
            manager.client(Role.VIEWER) as client,
            client.stream("GET", "/events/stream") as stream,
        ):
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                seen.append(line)
                opened.set()
                if done.is_set():
                    return

    reader = threading.Thread(target=listen)
    reader.start()
    assert opened.wait(10)
    vm = pool.patch("/vms/vm3", json={"tags": ["seen"]}).json()
    try:
        until(lambda: any(vm["id"] in line for line in seen), "the stream names the VM")
    finally:
        done.set()
        pool.patch("/vms/vm3", json={"tags": []})
        reader.join(20)
    ids = [line.removeprefix("id: ") for line in seen if line.startswith("id: ")]
    assert next_of(manager, ids[-1]) != "resync"
    assert next_of(manager, "other-1") == "resync"


def next_of(manager: Manager, last_id: str) -> str:
    """Come back with a Last-Event-ID and return the kind of the first notice, "" for a beat."""
    import json

    headers = {"Last-Event-ID": last_id}
    with (
        manager.client(Role.VIEWER) as client,
        client.stream("GET", "/events/stream", headers=headers) as stream,
    ):
        for line in stream.iter_lines():
            if line.startswith("data: "):
                notice: Any = json.loads(line.removeprefix("data: "))
                return "" if notice["kind"] == "beat" else str(notice["kind"])
    return ""
