"""Planted secrets are nowhere: logs, database, answers, processes, bundles, audit trail."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from anypool.cli import child
from anypool.settings import Settings
from tests.service.canaries import CONTROL, Harvest, places_with
from tests.service.manager_kit import finished, until
from tests.service.process_kit import Served, logged_in
from tests.service.test_store_postgres import Server
from tests.service.test_store_postgres import server as server
from tests.service.test_store_postgres import url as postgresql_url
from tests.unit.redfish_kit import USER, served

url = postgresql_url
READ = (
    *("/endpoints", "/hosts", "/vms", "/users", "/tokens", "/audit", "/events", "/operations"),
    *("/plans", "/inventories", "/retention", "/me", "/secrets/keys", "/audit/verdict"),
    *("/datastores", "/images", "/pools", "/policies", "/services", "/health/ready"),
    *("/notifications", "/notifications/hook", "/notifications/mail"),
)
COMMANDS = ("secret rotate -y", "audit list", "endpoint list -o yaml")
SIMPLE = f"sim://{CONTROL.lower()}?hosts=2&vms=4&seed=1"


def harvested(state: Path, database: str = "") -> Harvest:
    """Drive a manager with secrets at every way in, and gather all that comes out."""
    harvest = Harvest()
    state.mkdir(mode=0o700)
    harvest.plant("database", "state anypool.toml")
    content = "observe_every_s = 2.0\ninventory_every_s = 0.5\n"
    if database:
        database = database.replace("@", f":{harvest.secrets['database'].value}@", 1)
        content += f'database = "{database}"\n'
    (state / "anypool.toml").write_text(content)
    (state / "anypool.toml").chmod(0o600)
    with child.manager(Settings(state_dir=str(state), listen_port=0)) as manager:
        code = re.search(r"/login#code=(\S+)", manager.log.read_text())
        assert code is not None
        harvest.know("first login code", code[1], "state manager.log")
        served = logged_in(manager)
        harvest.know("token of the command line", served.environment["ANYPOOL_TOKEN"])
        headers = {
            "Authorization": f"Bearer {served.environment['ANYPOOL_TOKEN']}",
            "X-Request-Id": CONTROL,
        }
        hooks = {"response": [harvest.hear]}
        where = f"{manager.url}/api/v1"
        with httpx.Client(base_url=where, timeout=30, headers=headers, event_hooks=hooks) as client:
            endpoints(harvest, client)
            bmcs(harvest, client, state.parent / "bmc")
            notifications(harvest, client)
            people(harvest, client, where)
            on_the_command_line(harvest, served, state)
            work(harvest, client, manager.pid)
            for path in READ:
                assert client.get(path).status_code == 200, path
            for path in ("/metrics", "/api/openapi.json", "/"):
                assert client.get(f"{manager.url}{path}").status_code == 200, path
            by_command(harvest, served, state)
            answer = client.get("/support/bundle", params={"mask_names": True})
            assert answer.status_code == 200, answer.text
            harvest.take_bundle("masked", answer.content)
        harvest.take_processes(manager.pid)
        harvest.take_folder("live", state)
    harvest.places = {k: v for k, v in harvest.places.items() if not is_key(k)}
    for name in ("", ".audit"):
        file = next(one for one in state.iterdir() if one.name.endswith(f".key{name}"))
        harvest.know(f"key{name}", file.read_text().strip(), f"state {file.name}")
    harvest.take_folder("state", state)
    return harvest


def is_key(place: str) -> bool:
    return place.startswith("live ") and place.endswith((".key", ".audit", ".toml", "manager.log"))


def endpoints(harvest: Harvest, client: httpx.Client) -> None:
    """What is given when an endpoint is added: taken, refused, repeated, malformed."""
    asked = {"uri": SIMPLE, "name": CONTROL, "password": harvest.plant("password of an endpoint")}
    once = {"Idempotency-Key": CONTROL}
    for _ in range(2):
        answer = client.post("/endpoints", json=asked, headers=once)
        assert answer.status_code == 201, answer.text
    wrong = {"uri": "sim://locked?password=x", "password": harvest.plant("wrong password")}
    assert client.post("/endpoints", json=wrong).status_code == 422
    inside = harvest.plant("password in an address")
    bad = {"uri": f"qemu+tcp://root:{inside}@127.0.0.1:1/system"}
    assert client.post("/endpoints", json=bad).status_code == 422
    unreachable = {"uri": "qemu+tcp://root@127.0.0.1:1/system"}
    unreachable["password"] = harvest.plant("password for nobody")
    assert client.post("/endpoints", json=unreachable).status_code in (422, 503)
    for name, value in (
        ("password", harvest.plant("password as an option")),
        ("peer_uri", f"qemu+tcp://root:{harvest.plant('password in an option')}@h1/system"),
    ):
        odd = {"uri": "test:///default", "name": "odd", "options": {name: value}}
        assert client.post("/endpoints", json=odd).status_code == 422
    odd = {"uri": 7, "password": harvest.plant("password in a malformed body")}
    assert client.post("/endpoints", json=odd).status_code == 422
    unknown = {"uri": SIMPLE, "pass": harvest.plant("password under another name")}
    assert client.post("/endpoints", json=unknown).status_code == 422
    broken = f'{{"uri": "{SIMPLE}", "password": "{harvest.plant("password in half a body")}'
    assert client.post("/endpoints", content=broken).status_code in (400, 422)


def bmcs(harvest: Harvest, client: httpx.Client, folder: Path) -> None:
    """The password of a BMC: taken, wrong, for nobody, in the address, malformed."""
    path = f"/hosts/{client.get('/hosts').json()['items'][0]['id']}/bmc"
    with served(folder) as bmc:
        bmc.password = harvest.plant("password of a BMC")
        good = {"url": bmc.url, "user": USER, "fingerprint": bmc.fingerprint, "vouch": True}
        for wrong, status in (
            ({"password": harvest.plant("wrong password of a BMC")}, 422),
            ({"password": harvest.plant("password of no BMC"), "url": "https://127.0.0.1:1"}, 503),
            ({"password": "x", "url": f"https://u:{harvest.plant('in a BMC url')}@127.0.0.1"}, 422),
            ({"password": harvest.plant("password of a BMC not trusted"), "fingerprint": ""}, 409),
            ({"password": {"a": harvest.plant("password of a BMC in a body")}}, 422),
        ):
            answer = client.post(path, json=good | wrong)
            assert answer.status_code == status, answer.text
        answer = client.post(path, json=good | {"password": bmc.password})
        assert answer.status_code == 200, answer.text
        assert bmc.carried
        until(lambda: len(bmc.asked) > 10 or client.get(path).json()["read_at"], "it is read")


def notifications(harvest: Harvest, client: httpx.Client) -> None:
    """The key and the address of a webhook, the password of a mail server: taken and refused."""
    address = f"https://192.0.2.1/{harvest.plant('address-of-a-webhook')}"
    hook = {"kind": "webhook", "url": address}
    asked = {"name": "hook", "receiver": hook, "secret": harvest.plant("key of a webhook")}
    assert client.post("/notifications", json=asked).status_code == 201
    mail = {"kind": "mail", "server": "192.0.2.1", "to": ["a@b.c"], "sender": "a@b.c", "user": "a"}
    asked = {"name": "mail", "receiver": mail, "secret": harvest.plant("password of mail")}
    assert client.post("/notifications", json=asked).status_code == 201
    plain = {"receiver": mail | {"security": "none"}, "secret": harvest.plant("password in clear")}
    assert client.post("/notifications", json=asked | plain).status_code == 422
    inside = f"https://a:{harvest.plant('password-in-a-webhook')}@192.0.2.1/"
    bad = {"receiver": hook | {"url": inside}}
    assert client.post("/notifications", json=asked | bad).status_code == 422


def people(harvest: Harvest, client: httpx.Client, where: str) -> None:
    """Passwords, sessions and tokens of people."""
    first, second = harvest.plant("password of a user"), harvest.plant("changed password")
    bob = {"name": f"bob-{CONTROL.lower()}", "role": "operator", "password": first}
    assert client.post("/users", json=bob).status_code == 201
    assert client.patch(f"/users/{bob['name']}", json={"password": second}).status_code == 200
    made = client.post("/tokens", json={"label": CONTROL}).json()
    harvest.know("token", made["secret"], "reply POST /tokens")
    with httpx.Client(base_url=where, event_hooks={"response": [harvest.hear]}) as other:
        wrong = {"user": bob["name"], "password": harvest.plant("wrong password of a user")}
        assert other.post("/login", json=wrong).status_code == 401
        me = other.post("/login", json={"user": bob["name"], "password": second}).json()
        harvest.know("forgery token", me["csrf"], "reply POST /login", "reply GET /me")
        (session,) = other.cookies.values()
        harvest.know("session", session, "reply POST /login")
        other.headers["X-Anypool-CSRF"] = me["csrf"]
        third = {"old": second, "new": harvest.plant("password of one's own")}
        assert other.post("/me/password", json=third).is_success
    bearer = {"Authorization": f"Bearer {harvest.plant('token that is none')}"}
    assert httpx.get(f"{where}/hosts", headers=bearer).status_code == 401


def on_the_command_line(harvest: Harvest, served: Served, state: Path) -> None:
    """The same from the command line, whose secrets come from files."""
    file = state.parent / "password"
    file.write_text(harvest.plant("password from a file") + "\n")
    words = ["host", "add", "sim://cli?hosts=1&vms=0", "--name", "cli"]
    added = served(*words, "--password-file", str(file))
    assert added.code == 0, added.err
    link = served("login-link", "--state", str(state))
    harvest.know("login code", link.out.strip().rpartition("=")[2])
    for said in (added, *(served(*command.split()) for command in COMMANDS)):
        assert said.code == 0, said.err
        harvest.keep("command line", said.out + said.err)


def by_command(harvest: Harvest, served: Served, state: Path) -> None:
    """What is written into files at the end: a bundle, a backup and the audit trail."""
    folder = state.parent
    bundle, export, backup = folder / "bundle.tar.gz", folder / "trail.jsonl", folder / "backup"
    for command in (
        ("support", "bundle", str(bundle)),
        ("audit", "export", str(export)),
        ("backup", "create", str(backup), "--state", str(state)),
    ):
        said = served(*command)
        assert said.code == 0, said.err
    assert bundle.stat().st_mode & 0o777 == 0o600
    harvest.take_bundle("plain", bundle.read_bytes())
    harvest.keep("audit export", export.read_bytes())
    harvest.take_backup(backup)


def work(harvest: Harvest, client: httpx.Client, manager: int) -> None:
    """An operation, a console, a worker that dies."""
    host = client.get("/hosts", params={"q": f"endpoint = {CONTROL}"}).json()["items"][0]
    assert client.patch(f"/hosts/{host['id']}", json={"tags": [CONTROL]}).status_code == 200
    finished(client, client.post(f"/hosts/{host['id']}/evacuate"))
    vm = client.get("/vms", params={"q": "state = running"}).json()["items"][0]["id"]
    answer = client.post(f"/vms/{vm}/console", json={"kind": "vnc"})
    assert answer.status_code == 200, answer.text
    ticket = next(one for one in answer.json()["subprotocols"] if len(one) > 20)
    harvest.know("console ticket", ticket.rpartition(".")[2], f"reply POST /vms/{vm}/console")
    listed = subprocess.run(
        ["pgrep", "-P", str(manager)], capture_output=True, text=True, check=True
    )
    os.kill(int(listed.stdout.split()[0]), signal.SIGKILL)
    until(lambda: client.get(f"/vms/{vm}").status_code == 200, "the manager lives")


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Harvest:
    return harvested(tmp_path_factory.mktemp("canaries") / CONTROL)


def check(harvest: Harvest, database: str) -> None:
    assert harvest.leaks() == []
    seen = harvest.found(CONTROL)
    for place in (
        *("process list", "environment of processes", "command line", "audit export"),
        *("reply GET /endpoints", "reply GET /audit", "reply POST /endpoints", "reply GET /events"),
        *("bundle plain", "backup", "state manager.log", database),
    ):
        assert places_with(seen, place), f"the search is blind at: {place}"
    bundled = places_with(seen, "bundle plain")
    for name in ("endpoints.json", "log.jsonl", "settings.json"):
        assert any(place.endswith(name) for place in bundled), name
    for what, secret in harvest.secrets.items():
        if secret.allowed and what != "database":
            assert harvest.found(secret.value), f"{what} is not where it belongs"


def test_no_secret_is_found(sqlite: Harvest) -> None:
    check(sqlite, "state anypool.db")


def test_a_masked_bundle_has_no_names(sqlite: Harvest) -> None:
    masked = places_with(sqlite.places, "bundle masked")
    assert len(masked) > 10
    texts = {place: sqlite.places[place].decode() for place in masked}
    names = (CONTROL, f"bob-{CONTROL.lower()}")
    hits = [(place, name) for place, text in texts.items() for name in names if name in text]
    assert hits == []
    runs = json.loads(texts["bundle masked anypool-support/operations.json"])["items"]
    assert runs[0]["by"].startswith("person-")


def test_a_secret_that_leaks_is_found(sqlite: Harvest) -> None:
    """As if each place had been written to by a careless hand."""
    secret = sqlite.secrets["password of an endpoint"].value
    for place in (
        "state manager.log",
        "state anypool.db",
        "bundle plain anypool-support/log.jsonl",
    ):
        spoilt = Harvest()
        spoilt.secrets = sqlite.secrets
        spoilt.places = {place: sqlite.places[place] + secret.encode()}
        assert spoilt.leaks() == [f"password of an endpoint: {place}"]


@pytest.fixture
def postgresql(server: Server, url: str, tmp_path: Path) -> Harvest:
    harvest = harvested(tmp_path / CONTROL, url)
    dump = subprocess.run(
        [server.programs / "pg_dump", "--inserts", "-h", server.folder, "-U", "ada", "anypool"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    harvest.keep("dump", dump.stdout)
    return harvest


@pytest.mark.postgres
def test_no_secret_is_found_on_postgresql(postgresql: Harvest) -> None:
    check(postgresql, "dump")
    assert postgresql.found(postgresql.secrets["database"].value) == ["state anypool.toml"]
