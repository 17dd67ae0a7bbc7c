"""A manager that was replaced, and does not know it yet, changes nothing, whatever it is asked.

Every operation of the API is sent to it, with the smallest body it accepts, as is each turn of
its engine: what belongs to the pool is the same afterwards, row by row.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.service.manager_kit import Manager, add_sim, finished, running
from tests.service.permissions import LEAST, least_body
from tests.service.test_access import named, operations

SHARED = frozenset(
    {
        *("users", "tokens", "sessions", "login_codes", "login_failures", "requests", "audit"),
        *("managers", "writers", "lease", "audit_checkpoints", "events"),
    }
)
"""What every manager may write: logins, what was answered, refusals in the audit trail."""


@pytest.fixture
def zombie(tmp_path: Path) -> Iterator[Manager]:
    """A manager with a pool, of which another one has taken the lease since."""
    with running(tmp_path / "state", lease_s=600.0) as manager, manager.client() as client:
        add_sim(client)
        yield manager


def rows(manager: Manager) -> dict[str, list[Any]]:
    with sa.create_engine(manager.app.settings.database_url).connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {
            name: sorted(map(repr, connection.execute(sa.text(f'SELECT * FROM "{name}"'))))
            for name in tables
            if name not in SHARED
        }


def take_over(manager: Manager) -> None:
    """Take the lease as another process would that saw this one silent."""
    with sa.create_engine(manager.app.settings.database_url).begin() as connection:
        connection.execute(
            sa.text("UPDATE lease SET epoch = epoch + 1, holder = 'other', renewals = renewals + 1")
        )


def ask(
    client: httpx.Client, document: dict[str, Any], method: str, path: str, names: dict[str, str]
) -> httpx.Response:
    """Call an operation on things that are there, with the smallest body it accepts."""
    body = document["paths"][path][method].get("requestBody")
    more: dict[str, Any] = {}
    if body is not None:
        more["json"] = least_body(body["content"]["application/json"]["schema"], document)
    noun = path.removeprefix("/api/v1/").partition("/")[0]
    path = path.removeprefix("/api/v1").replace("{key}", names.get(noun, "x"))
    path = path.replace("{plan}", names["plans"]).replace("{run}", names["operations"])
    path = path.replace("{number}", "1").replace("{mac}", "52:54:00:00:00:01")
    for name in ("name", "token", "target"):
        path = path.replace(f"{{{name}}}", "x")
    return client.request(method, path, **more)


def things(client: httpx.Client) -> dict[str, str]:
    """A name of something of each kind, a plan that waits and a run among them."""
    found = {
        noun: client.get(f"/{noun}").json()["items"][0]["id"]
        for noun in ("hosts", "vms", "datastores", "networks", "endpoints", "pools")
    }
    host = f"/hosts/{found['hosts']}"
    done = finished(client, client.post(f"{host}/evacuate"))
    plan = client.post(f"{host}/leave-maintenance", params={"dry_run": "true"}).json()
    return found | {"operations": done["id"], "plans": plan["id"]}


def test_a_zombie_changes_nothing(zombie: Manager) -> None:
    document = httpx.get(f"{zombie.url}/api/openapi.json").json()
    with zombie.client() as client:
        names = things(client)
        refused = 0
        take_over(zombie)
        before = rows(zombie)
        for method, path, _ in operations(document):
            name = named(method, path)
            if method == "get" or LEAST[name] is None or name == "post /logout":
                continue
            answer = ask(client, document, method, path, names)
            assert answer.status_code < 500 or answer.status_code in (503, 507), (name, answer.text)
            refused += "another manager" in answer.text
        changed = {name for name, found in rows(zombie).items() if found != before[name]}
    assert changed == set()
    assert refused > 20, "the others were refused for what was asked"
    assert not zombie.app.engine.leads or zombie.app.store.lease_left_s() == 0
