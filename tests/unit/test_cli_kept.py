"""The commands about what is kept."""

import pytest

from tests.unit.cli_kit import FakeManager, Terminal, listed
from tests.unit.test_cli_commands import anypool as anypool
from tests.unit.test_cli_commands import manager as manager

STORED = {"id": "3", "at": 1700000000.0, "digest": "ab" * 32, "hosts": 2, "vms": 1, "plan": None}


def test_a_stored_inventory_is_shown_with_its_hosts(
    manager: FakeManager, anypool: Terminal
) -> None:
    manager.answers["GET /inventories"] = listed(STORED)
    manager.answers["GET /inventories/3"] = STORED
    hosts = [
        {"id": "b", "name": "h2", "memory_mib": 1024, "maintenance": True},
        {"id": "a", "name": "h1", "memory_mib": 2048, "state": "up"},
    ]
    content = {"hosts": hosts, "vms": [{"id": "v", "name": "web", "host": "a"}]}
    manager.answers["GET /inventories/3/content"] = content
    assert anypool("inventory", "list").out.splitlines()[1].split()[0] == "3"
    lines = [line.split() for line in anypool("inventory", "show", "3").out.splitlines()[-2:]]
    assert lines == [["h1", "up", "1", "2", "GiB"], ["h2", "maintenance", "0", "1", "GiB"]]
    assert '"hosts": [' in anypool("inventory", "show", "3", "-o", "json").out
    assert anypool("inventory", "list", "-f", "x = y").code == 2


def test_differences_are_a_line_for_each_field(manager: FakeManager, anypool: Terminal) -> None:
    fields = [{"name": "vcpus", "before": 1, "after": 2}]
    changed = {"kind": "vm", "id": "v", "name": "web", "change": "changed", "fields": fields}
    gone = {"kind": "vm", "id": "w", "name": "db", "change": "removed", "fields": []}
    manager.answers["GET /inventories/3/differences"] = {"items": [changed, gone], "more": True}
    result = anypool("inventory", "diff", "3", "4")
    assert [line.split() for line in result.out.splitlines()[1:]] == [
        ["vm", "web", "changed", "vcpus", "1", "2"],
        ["vm", "db", "removed", "-", "-", "-"],
    ]
    assert "more" in result.err
    assert manager.sent("GET", "/inventories/3/differences")[0].url.params["to"] == "4"
    manager.answers["GET /inventories/3/differences"] = {"items": [], "more": False}
    assert "nothing differs" in anypool("inventory", "diff", "3").err


@pytest.mark.parametrize("kinds", [(), ("events", "plans")])
def test_retention_is_shown_and_run(
    manager: FakeManager, anypool: Terminal, kinds: tuple[str, ...]
) -> None:
    row = {"kind": "events", "meaning": "what happened", "setting": "keep_events_days"}
    amounts = {"keep_s": 864000.0, "rows": 7, "bytes": None, "oldest": None, "ran_at": None}
    row |= amounts | {"removed": 0, "removed_ever": 0}
    manager.answers["GET /retention"] = {"items": [row]}
    shown = anypool("retention", "show").out.splitlines()[1].split()
    assert shown == ["events", "10", "d", "7", "-", "-", "-", "0", "keep_events_days"]
    manager.answers["POST /retention/run"] = {"removed": {"events": 5}}
    assert anypool("retention", "run", *kinds).out.splitlines()[1].split() == ["events", "5"]
    assert manager.body("POST", "/retention/run") == {"kinds": list(kinds)}
