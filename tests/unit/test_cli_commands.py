"""What commands send to a manager, what they print, and their exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.cli_kit import (
    Answer,
    FakeManager,
    Terminal,
    evacuation,
    host,
    listed,
    migrate_step,
    operation,
    pretend,
    vm,
)

PREVIEW = """\
Plan plan-7: evacuate h1
3 steps, about 16.0 s, 2 GiB to copy, longest pause 50 ms; recommended

Steps
  1.  migrate web1: h1 -> h2   most free memory: 1 GiB left there afterwards
  2.  migrate web2: h1 -> h3   most free memory: 1 GiB left there afterwards
  3.  enter maintenance on h1  no VM runs here any more                       after 1, 2

Not chosen
  web1 on h3  memory 512 MiB short: needs 1 GiB, 512 MiB free

Hosts
  h1  2 VMs, 2 GiB   ->  no VM running, in maintenance
  h2  1 VM, 1 GiB    ->  2 VMs, 2 GiB
  h3  no VM running  ->  1 VM, 1 GiB
"""


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeManager:
    manager = FakeManager()
    pretend(monkeypatch, manager)
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "contexts.json"))
    monkeypatch.setenv("ANYPOOL_URL", "http://manager:8420")
    monkeypatch.setenv("ANYPOOL_TOKEN", "ap_secret")
    return manager


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_a_list_as_table_names_and_data(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["GET /vms"] = listed(vm("web1", "h1"), vm("db", "h2", tags=[]))
    table = anypool("vm", "list").out.splitlines()
    assert table[0].split() == ["NAME", "STATE", "HOST", "VCPUS", "MEMORY", "TAGS"]
    assert table[1].split() == ["web1", "running", "h1", "2", "1", "GiB", "prod"]
    assert table[2].split() == ["db", "running", "h2", "2", "1", "GiB", "-"]
    assert anypool("vm", "list", "-o", "name").out == "web1\ndb\n"
    assert json.loads(anypool("vm", "list", "-o", "json").out)[1]["name"] == "db"
    assert "- id: uuid-web1\n" in anypool("vm", "list", "-o", "yaml").out
    assert "uuid-web1" in anypool("vm", "list", "-o", "wide").out
    assert manager.seen[0].headers["Authorization"] == "Bearer ap_secret"


def test_the_filter_is_checked_here_and_sent_in_its_canonical_form(
    manager: FakeManager, anypool: Terminal
) -> None:
    manager.answers["GET /vms"] = listed()
    bad = anypool("vm", "list", "--filter", "memry > 1GiB")
    assert bad.code == 2
    assert "column 1" in bad.err
    assert "did you mean memory?" in bad.err
    assert not manager.seen
    anypool("vm", "list", "--filter", "TAGS=prod memory>1GiB")
    assert manager.seen[0].url.params["q"] == "vm where tag = prod and memory > 1GiB"


def test_all_pages_of_a_list_are_fetched(manager: FakeManager, anypool: Terminal) -> None:
    def page(request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            assert request.url.params["cursor"] == "second"
            return httpx.Response(200, json=listed(vm("b", "h1")))
        first = {"items": [vm("a", "h1")], "total": 2, "next": "second"}
        return httpx.Response(200, json=first)

    manager.answers["GET /vms"] = page
    assert anypool("vm", "list", "-o", "name").out == "a\nb\n"
    assert anypool("vm", "list", "-o", "name", "--limit", "1").out == "a\n"


def test_names_from_elsewhere_cannot_steer_the_terminal(
    manager: FakeManager, anypool: Terminal
) -> None:
    manager.answers["GET /vms"] = listed(vm("\x1b[2Jevil[bold]", "h1"))
    shown = anypool("vm", "list").out
    assert "\x1b" not in shown
    assert "\N{REPLACEMENT CHARACTER}[2Jevil[bold]" in shown


def test_the_preview_of_an_evacuation(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["POST /hosts/h1/evacuate"] = evacuation()
    manager.answers["GET /hosts"] = listed(host("h1"), host("h2"), host("h3"), host("h4"))
    manager.answers["GET /vms"] = listed(
        vm("web1", "h1"), vm("web2", "h1"), vm("db", "h2"), vm("off", "h3", state="stopped")
    )
    result = anypool("host", "evacuate", "h1", "--dry-run")
    assert result.code == 0
    assert result.out == PREVIEW
    assert result.err == "Nothing was done. To do it: anypool plan run plan-7\n"
    assert manager.sent("POST", "/hosts/h1/evacuate")[0].url.params["dry_run"] == "true"
    assert manager.sent("GET", "/vms")[0].url.params["q"] == (
        'host.id in ("id-h1", "id-h2", "id-h3")'
    )
    assert json.loads(anypool("host", "evacuate", "h1", "--dry-run", "-o", "json").out)["steps"]


def test_a_deed_says_how_to_follow_it(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["POST /vms/web1/start"] = (202, {"operation": operation("running")})
    result = anypool("vm", "start", "web1")
    assert (result.code, result.out) == (0, "operation run-1 started: evacuate h1\n")
    assert "anypool operation watch run-1" in result.err
    keys = [one.headers["Idempotency-Key"] for one in manager.seen]
    assert anypool("vm", "start", "web1", "-o", "name").out == "run-1\n"
    assert manager.seen[-1].headers["Idempotency-Key"] not in keys


def following(*states: dict[str, object]) -> Answer:
    left: Iterator[dict[str, object]] = iter(states)
    return lambda request: httpx.Response(200, json=next(left))


def test_following_prints_a_line_for_each_change(
    manager: FakeManager, anypool: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anypool.cli.follow._EVERY_S", 0.0)
    begun = migrate_step(1, "web1", "h1", "h2", state="begun")
    done = migrate_step(1, "web1", "h1", "h2", state="done", pause_ms=12, text="migrate uuid")
    manager.answers["POST /hosts/h1/evacuate"] = (202, {"operation": operation("running")})
    manager.answers["GET /operations/run-1"] = following(
        operation("running", migrate_step(1, "web1", "h1", "h2", state="waiting")),
        operation("running", begun),
        operation("running", begun),
        operation("done", done),
    )
    result = anypool("host", "evacuate", "h1", "--watch")
    assert result.code == 0
    assert result.err.splitlines() == [
        "  1. migrate web1: h1 -> h2: begun",
        "  1. migrate web1: h1 -> h2: done (paused for 12 ms)",
        "operation run-1 done",
    ]


def test_an_operation_that_needs_somebody_says_what_can_be_done(
    manager: FakeManager, anypool: Terminal
) -> None:
    stuck = migrate_step(1, "web1", "h1", "h2", state="needs-human", message="two copies")
    manager.answers["GET /operations/run-1"] = operation("needs-human", stuck)
    result = anypool("operation", "watch", "run-1")
    assert result.code == 1
    assert "needs-human (two copies)" in result.err
    assert "anypool operation retry run-1 1" in result.err
    assert "anypool operation skip run-1 1" in result.err


def test_what_destroys_is_not_done_without_consent(manager: FakeManager, anypool: Terminal) -> None:
    accepted = (202, {"operation": operation("running")})
    manager.answers["DELETE /vms/web1"] = accepted
    manager.answers["POST /vms/web1/power-off"] = accepted
    manager.answers["POST /vms/web1/shut-down"] = accepted
    for words in (("delete", "web1"), ("stop", "web1", "--force"), ("reset", "web1")):
        refused = anypool("vm", *words)
        assert refused.code == 2
        assert "--yes" in refused.err
    assert not manager.seen
    assert anypool("vm", "delete", "web1", "--volumes", "--yes").code == 0
    assert manager.seen[-1].url.params["volumes"] == "true"
    assert anypool("vm", "stop", "web1", "--force", "-y").code == 0
    assert anypool("vm", "stop", "web1").code == 0


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (422, "invalid", 2),
        (404, "not-found", 3),
        (403, "denied", 4),
        (401, "not-logged-in", 4),
        (409, "conflict", 5),
        (412, "stale", 5),
        (409, "busy", 5),
        (503, "unreachable", 7),
        (502, "rejected", 8),
        (422, "not-supported", 8),
        (504, "outcome-unknown", 9),
        (507, "store-failed", 10),
        (500, "defect", 1),
    ],
)
def test_a_problem_is_one_line_with_a_hint_and_an_exit_code(
    manager: FakeManager, anypool: Terminal, status: int, kind: str, code: int
) -> None:
    problem = {"type": f"urn:anypool:problem:{kind}", "detail": "it is so", "hint": "do that"}
    manager.answers["GET /vms/web1"] = (status, problem)
    result = anypool("vm", "show", "web1")
    assert result.code == code
    assert result.out == ""
    assert result.err == "anypool: it is so\nhint: do that\n"


def test_refusals_are_listed(manager: FakeManager, anypool: Terminal) -> None:
    refusals = {"h2": "memory 512 MiB short", "h10": "host is in maintenance"}
    problem = {"type": "urn:anypool:problem:no-plan", "detail": "nowhere", "refusals": refusals}
    manager.answers["POST /vms/web1/start"] = (409, problem)
    result = anypool("vm", "start", "web1")
    assert result.code == 6
    assert result.err.splitlines() == [
        "anypool: nowhere",
        "  h10  host is in maintenance",
        "  h2   memory 512 MiB short",
    ]


def test_no_manager_and_a_broken_one(manager: FakeManager, anypool: Terminal) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    manager.answers["GET /vms"] = refused
    result = anypool("vm", "list")
    assert result.code == 7
    assert "no manager answers at http://manager:8420" in result.err
    manager.answers["POST /vms/web1/start"] = lost
    result = anypool("vm", "start", "web1")
    assert result.code == 9
    assert "operation list" in result.err
    manager.answers["GET /vms"] = lambda _: httpx.Response(200, text="<html>")
    result = anypool("vm", "list")
    assert result.code == 1
    assert "no JSON" in result.err


def test_a_new_vm_says_only_what_was_asked(manager: FakeManager, anypool: Terminal) -> None:
    manager.answers["POST /vms"] = (202, {"operation": operation("running")})
    anypool("vm", "create", "web", "--image", "lab-guest")
    assert manager.body("POST", "/vms") == {
        "name": "web", "image": "lab-guest", "count": 1, "vcpus": 1, "start": True
    }  # fmt: skip
    words = "--image i --count 3 --memory 2GiB --tag a --tag b --network data --stopped"
    anypool("vm", "create", "web", *words.split())
    body = manager.body("POST", "/vms")
    assert (body["memory"], body["tags"], body["networks"]) == ("2GiB", ["a", "b"], ["data"])
    assert body["start"] is False
    result = anypool("vm", "create", "web", "--image", "i", "--memory", "512")
    assert result.code == 2
    assert "512MiB" in result.err


def test_a_change_of_shares_keeps_the_other_resources(
    manager: FakeManager, anypool: Terminal
) -> None:
    manager.answers["GET /vms/web1"] = vm("web1", "h1")
    manager.answers["POST /vms/web1/reconfigure"] = (202, {"operation": operation("running")})
    assert anypool("vm", "change", "web1", "--io-weight", "200").code == 0
    assert manager.body("POST", "/vms/web1/reconfigure") == {
        "resources": {"cpu_shares": 5, "io_weight": 200}
    }
    assert anypool("vm", "change", "web1").code == 2


def test_tags_are_changed_only_from_what_was_seen(manager: FakeManager, anypool: Terminal) -> None:
    seen = httpx.Response(200, json=host("h1", tags=["a", "b"]), headers={"ETag": '"v1"'})
    manager.answers["GET /hosts/h1"] = lambda _: seen
    manager.answers["PATCH /hosts/h1"] = host("h1", tags=["b", "c"])
    assert anypool("host", "tag", "h1", "c", "^a").out.splitlines()[1].split() == ["h1", "b,", "c"]
    patch = manager.sent("PATCH", "/hosts/h1")[0]
    assert json.loads(patch.content) == {"tags": ["b", "c"]}
    assert patch.headers["If-Match"] == '"v1"'


def test_a_host_is_added_with_its_password_out_of_sight(
    manager: FakeManager, anypool: Terminal, tmp_path: Path
) -> None:
    endpoint = {"id": "h1", "driver": "libvirt", "uri": "qemu+tcp://10.0.0.1/system"}
    manager.answers["POST /endpoints"] = (201, {"endpoint": endpoint, "hosts": [host("h1")]})
    result = anypool("host", "add", "qemu+tcp://10.0.0.1/system", "--name", "h1")
    assert result.err == "found libvirt at qemu+tcp://10.0.0.1/system, endpoint h1\n"
    assert "QEMU 7.2" in result.out
    file = tmp_path / "password"
    file.write_text("s3cret\nrest\n")
    anypool("host", "add", "https://root@esx1/", "--password-file", str(file))
    body = manager.body("POST", "/endpoints")
    assert (body["uri"], body["password"]) == ("https://root@esx1/", "s3cret")
    anypool("host", "add", "https://root:pw@esx1/")
    body = manager.body("POST", "/endpoints")
    assert (body["uri"], body["password"]) == ("https://root@esx1/", "pw")


def test_options_of_an_endpoint_are_named_one_by_one(
    manager: FakeManager, anypool: Terminal
) -> None:
    endpoint = {"id": "h1", "driver": "libvirt", "uri": "qemu:///system"}
    manager.answers["POST /endpoints"] = (201, {"endpoint": endpoint, "hosts": [host("h1")]})
    options = ("--option", "vnc_listen=0.0.0.0", "--option", "peer_uri=qemu+tls://h1/system?a=b")
    anypool("host", "add", "qemu:///system", *options)
    assert manager.body("POST", "/endpoints")["options"] == {
        "vnc_listen": "0.0.0.0",
        "peer_uri": "qemu+tls://h1/system?a=b",
    }
    result = anypool("host", "add", "qemu:///system", "--option", "vnc_listen")
    assert "'vnc_listen' is no option" in result.err
    assert "NAME=VALUE" in result.err


def test_a_host_is_not_removed_together_with_others_unasked(
    manager: FakeManager, anypool: Terminal
) -> None:
    manager.answers["GET /hosts/h1"] = host("h1")
    manager.answers["GET /hosts"] = listed(host("h1"), host("h2"))
    manager.answers["DELETE /endpoints/e-h1"] = lambda _: httpx.Response(204)
    result = anypool("host", "remove", "h1", "--yes")
    assert result.code == 5
    assert "anypool endpoint remove e-h1" in result.err
    manager.answers["GET /hosts"] = listed(host("h1"))
    assert anypool("host", "remove", "h1", "--yes").code == 0
    assert manager.sent("DELETE", "/endpoints/e-h1")


def test_strange_names_stay_one_part_of_the_path(manager: FakeManager, anypool: Terminal) -> None:
    anypool("vm", "show", "a/../b?c#d e%2F")
    assert manager.seen[0].url.raw_path == b"/api/v1/vms/a%2F..%2Fb%3Fc%23d%20e%252F"


@pytest.mark.parametrize(
    "words",
    [["vm", "crate"], ["vm", "list", "--bad"], ["vm", "show"], ["vm", "list", "-o", "x"], ["nix"]],
)
def test_wrong_usage_is_one_line_and_exit_code_2(anypool: Terminal, words: list[str]) -> None:
    result = anypool(*words)
    assert result.code == 2
    assert result.err.startswith("anypool: ")
    assert "--help" in result.err


def test_every_command_has_help(anypool: Terminal) -> None:
    top = anypool("--help").out
    for noun in ("host", "vm", "plan", "operation", "lab", "doctor", "serve", "login"):
        assert noun in top
        assert anypool(noun, "--help").code == 0


@pytest.mark.thorough
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(anypool: Terminal, shell: str) -> None:
    result = anypool("completion", shell)
    assert result.code == 0
    assert "evacuate" in result.out


def test_a_history_is_drawn_with_its_gaps(manager: FakeManager, anypool: Terminal) -> None:
    whole = {"samples": 3, "mean": 20.0, "p50": 20.0, "p90": 40.0, "p95": 40.0, "p99": 40.0}
    values = [None, 0.0, 20.0, 40.0]
    column = {"unit": "percent of one CPU", "min": values, "mean": values, "max": values}
    manager.answers["GET /vms/web1/history"] = {
        "id": "v1",
        "name": "web1",
        "step_s": 60,
        "times": [1700000000, 1700000060, 1700000120, 1700000180],
        "metrics": {"cpu_percent": {**column, "whole": {**whole, "max": 40.0}}},
    }
    line = anypool("vm", "history", "web1", "--since", "4m", "--step", "1m").out.splitlines()[-1]
    assert line.split("  ") == ["cpu_percent", "20.0 %", "20.0 %", "40.0 %", "40.0 %", "·▁▅█"]
    asked = manager.sent("GET", "/vms/web1/history")[0].url.params
    assert (asked["since"], asked["step"], asked["until"]) == ("-240", "60", "0")
    plot = anypool("vm", "history", "web1", "-o", "wide").out.splitlines()[-8:]
    assert plot[0].split() == ["40.0", "%", "█"]
    assert plot[-1].endswith("·▁██")
    wrong = anypool("vm", "history", "web1", "--since", "yesterday")
    assert (wrong.code, "24h" in wrong.err) == (2, True)


GROUPS = ("host", "image", "inventory", "network", "plan", "policy", "pool", "service", "vm")


@pytest.mark.parametrize("group", GROUPS)
def test_a_list_of_commands_says_what_each_does(group: str, anypool: Terminal) -> None:
    shown = anypool(group, "--help").out.partition("Commands")[2]
    rows = [line.strip("│").rstrip() for line in shown.splitlines() if line.startswith("│ ")]
    rows = [row[1:] for row in rows if row[1:2].strip()]  # others go on with the row before
    assert rows
    assert not [row for row in rows if " " not in row], "a command without a word about it"
