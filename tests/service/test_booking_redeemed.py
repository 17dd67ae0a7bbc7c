"""VMs made on room that was kept for them, from the command line."""

import json
from typing import Any

import httpx
import pytest

from tests.service.manager_kit import Manager
from tests.unit.cli_kit import Terminal

IMAGE = ("--image", "base", "--network", "net1")


@pytest.fixture
def anypool(
    pool: httpx.Client,
    manager: Manager,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", pool.headers["Authorization"].removeprefix("Bearer "))
    return Terminal(capsys)


def kept(anypool: Terminal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(anypool("booking", "list", "-o", "json").out)
    return found


def test_a_booking_is_used_up_by_the_vms_it_was_made_for(anypool: Terminal) -> None:
    assert anypool("booking", "make", "web", "2GiB", "--datastore", "demo-shared1").code == 0
    (booking,) = kept(anypool)
    home, key = booking["host"], booking["id"]
    create = ("vm", "create", "web", *IMAGE, "--memory", "512MiB", "--booking")

    shown = anypool(*create, "web", "--dry-run")
    assert shown.code == 0, shown.err
    assert f"takes 512 MiB that {key} keeps on {home}" in shown.out + shown.err
    assert kept(anypool)[0]["memory_mib"] == 2048

    made = anypool(*create, key, "--count", "2", "-w")
    assert made.code == 0, made.err
    assert kept(anypool)[0]["memory_mib"] == 1024
    some = json.loads(anypool("vm", "list", "-f", "name ~ web", "-o", "json").out)
    assert [(vm["name"], vm["host_name"], vm["state"]) for vm in some] == [
        ("web-1", home, "running"),
        ("web-2", home, "running"),
    ]
    last = anypool("vm", "create", "last", *IMAGE, "--memory", "1GiB", "--booking", "web", "-w")
    assert last.code == 0, last.err
    assert kept(anypool) == []


def test_what_does_not_fit_a_booking_is_refused_and_it_stays(anypool: Terminal) -> None:
    assert anypool("booking", "make", "app", "600MiB", "--datastore", "demo-shared1").code == 0
    (booking,) = kept(anypool)
    home, key = booking["host"], booking["id"]
    other = next(f"h{number}" for number in (1, 2, 3) if f"h{number}" != home)
    create = ("vm", "create", "app", *IMAGE, "--booking", "app")
    wrong = {
        ("--memory", "1GiB"): f"{key} keeps 600 MiB, app would need 1024 MiB",
        ("--memory", "256MiB", "--count", "3"): "3 VMs would need 768 MiB",
        ("--memory", "256MiB", "--host", other): f"{key} keeps room on {home} in pool default",
        ("--memory", "256MiB", "--stopped"): "not started takes no room",
        ("--memory", "256MiB", "--vcpus", "999"): "999",
    }
    for words, message in wrong.items():
        refused = anypool(*create, *words)
        assert refused.code, words
        assert message in refused.err
    unknown = anypool("vm", "create", "app", *IMAGE, "--booking", "nobody")
    assert "there is no booking 'nobody'" in unknown.err
    assert anypool("booking", "make", "app", "600MiB").code == 0
    twice = anypool(*create, "--memory", "256MiB")
    assert "2 bookings are for app" in twice.err
    assert key in [one["id"] for one in kept(anypool)]
    assert all(one["memory_mib"] == 600 for one in kept(anypool))
    for one in kept(anypool):
        assert anypool("booking", "drop", one["id"]).code == 0
