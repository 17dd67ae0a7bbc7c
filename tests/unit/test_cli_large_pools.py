"""What commands print of large pools, and the list of the commands themselves."""

import re

import pytest

from anypool.cli.commands import COMMANDS
from anypool.cli.preview import text_of
from tests.unit.cli_kit import FakeManager, Terminal, listed, pretend, vm


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> FakeManager:
    manager = FakeManager()
    pretend(monkeypatch, manager)
    monkeypatch.setenv("ANYPOOL_URL", "http://manager:8420")
    monkeypatch.setenv("ANYPOOL_TOKEN", "ap_secret")
    return manager


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_hosts_refused_for_one_reason_share_a_line() -> None:
    names = [f"h{number}" for number in range(1, 9)]
    rejected = [
        {"vm_name": "web1", "host_name": name, "why": "no such network"} for name in names
    ] + [{"vm_name": "web2", "host_name": name, "why": "it is full"} for name in names[:4]]
    plan = {
        "id": "plan-1", "goal": "go", "state": "recommended", "steps": [], "rejected": rejected,
        "cost": {"duration_ms": 0, "copy_bytes": 0, "pause_ms": 0},
    }  # fmt: skip
    assert text_of(plan, [], {})[-2:] == [
        "  web1 on h1, h2, h3, 5 more  no such network",
        "  web2 on h1, h2, h3, h4      it is full",
    ]


def test_a_word_too_many_is_named(anypool: Terminal) -> None:
    refused = anypool("vm", "migrate", "web1", "h9")
    assert refused.code == 2
    assert "nothing here takes 'h9'" in refused.err


def test_a_long_list_in_a_table_is_cut_short(manager: FakeManager, anypool: Terminal) -> None:
    tags = [f"t{number}" for number in range(9)]
    manager.answers["GET /vms"] = listed(vm("web1", "h1", tags=tags))
    assert "t4, 4 more" in anypool("vm", "list").out
    assert "t8" in anypool("vm", "list", "-o", "wide").out


def test_the_list_of_commands_says_what_each_is_for(anypool: Terminal) -> None:
    shown = anypool("--help").out
    for commands in COMMANDS.values():
        for name, (_, about) in commands.items():
            assert re.search(rf"{name} +{re.escape(about[:20])}", shown), name
