"""A vCenter that a whole manager only looks at: what is seen, and that nothing is written."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.lab.vcsim import VcsimSpec
from tests.contract.between import Mood
from tests.contract.test_vsphere_looks import READERS, written
from tests.contract.vcenter import PASSWORD, Center, all_of, done
from tests.service.canaries import Harvest
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.cli_kit import Terminal

pytestmark = pytest.mark.vcsim

LOOKS = (
    "vm list -f 'state = running' -o wide",
    "vm list --facets host",
    "vm show DC0_C0_RP0_VM0",
    "vm tag DC0_C0_RP0_VM0 gold",
    "vm list -f 'tag = gold'",
    "host list -o wide",
    "host show DC0_C0_H0",
    "host tag DC0_C0_H0 rack:r1 licensed",
    "datastore list",
    "network list",
    "endpoint list",
    "pool list",
    "pool show default",
    "pool death-map default",
    "pool death-map default --vms",
    "pool what-if default --host DC0_C0_H0",
    "pool what-if default --domain rack:r1",
    "pool capacity default --size 1cpu,32MiB --survive 1",
    "event list",
    "plan list",
    "inventory list",
    "price show",
)
"""What an administrator does in the first hour."""

ADVICE = (
    "host evacuate DC0_C0_H0 --dry-run",
    "pool balance default --dry-run",
    "pool consolidate default --dry-run",
    "pool hardware default --with '64 cpus, 512GiB'",
)
"""What is planned; it is never run."""

RULES = (
    "policy add spare failover 'pool = default' --failures 1",
    "policy add db-licence licence 'tag = gold' --hosts 'tag = licensed' --sockets 8",
    "policy show db-licence",
    "policy list",
    "policy add even balance 'pool = default' --level shadow",
    "policy report even",
)
"""Rules that are checked; plans heed them from then on."""

DEEDS = (
    "vm stop DC0_C0_RP0_VM0",
    "vm delete DC0_C0_RP0_VM0 -y",
    "host evacuate DC0_C0_H0",
    "datastore mark LocalDS_0",
)


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    made = Center(tmp_path_factory.mktemp("vcenter"), VcsimSpec(hosts=3, vms=6))
    yield made
    made.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manager")


@pytest.fixture(scope="module")
def manager(center: Center, state: Path) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(state, unreachable_retry_s=0.2, unreachable_retry_max_s=0.5) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def client(manager: Manager, center: Center) -> Iterator[httpx.Client]:
    """A client of a manager that knows the vCenter, added as anybody adds one."""
    with manager.client() as made:
        if made.get("/endpoints/vc").status_code == 404:
            body = {"uri": center.uri, "name": "vc", "password": PASSWORD}
            answer = made.post("/endpoints", json=body | {"options": center.options})
            assert answer.status_code == 201, answer.text
        until(lambda: of(made, "vms", "state = running")["total"] == 6, "all VMs run")
        yield made


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def of(client: httpx.Client, noun: str, query: str = "") -> Any:
    answer = client.get(f"/{noun}", params={"q": query} if query else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def words(command: str) -> list[str]:
    import shlex

    return shlex.split(command)


def test_a_first_hour_writes_nothing(
    center: Center, client: httpx.Client, anypool: Terminal
) -> None:
    assert client.get("/endpoints/vc").json()["observe_only"] is True, "not so by default"
    with center.person() as root:
        before = written(root)
        for command in LOOKS:
            seen = anypool(*words(command))
            assert seen.code == 0, (command, seen.err)
        for command in ADVICE:
            seen = anypool(*words(command))
            assert seen.code == 0, (command, seen.err)
            assert "evacuate" not in command or "migrate" in seen.out
        for command in RULES:
            seen = anypool(*words(command))
            assert seen.code == 0, (command, seen.err)
        plans = of(client, "plans", "state = recommended and steps > 0")["items"]
        refused = anypool("plan", "run", plans[0]["id"])
        assert refused.code != 0
        assert "observe-only" in refused.err, refused.err
        for command in DEEDS:
            refused = anypool(*words(command))
            assert refused.code != 0, command
        assert written(root) == before
    calls = center.between.calls
    assert set(calls) <= READERS, set(calls) - READERS
    assert calls["PropertyCollector.WaitForUpdatesEx"], "nothing was recorded"


def test_a_change_by_hand_is_an_event_with_who_and_when(
    center: Center, client: httpx.Client, anypool: Terminal
) -> None:
    with center.person() as root:
        vm = all_of(root, vim.VirtualMachine)[1]
        name, begun = vm.name, time.monotonic()
        done(vm.PowerOffVM_Task())
        found = until(
            lambda: of(client, "events", "kind = vm.drifted")["items"], "it is told", 10.0
        )
        assert time.monotonic() - begun < 2.0
        assert found[0]["by"] == f"{center.vcsim.user} at vc"
        until(lambda: of(client, "vms", f"name = {name} and state = stopped")["total"], "seen")
        told = anypool("event", "list", "-f", "kind = vm.drifted").out
        assert "running -> stopped" in told
        assert vm.runtime.powerState == "poweredOff", "it was changed back"
        done(vm.PowerOnVM_Task())


def test_twins_are_shown_and_nothing_is_planned_for_them(
    center: Center, client: httpx.Client, anypool: Terminal
) -> None:
    with center.person() as root:
        source = all_of(root, vim.VirtualMachine)[2]
        spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
        copy = done(source.CloneVM_Task(source.parent, "copied", spec))
        done(copy.ReconfigVM_Task(vim.vm.ConfigSpec(instanceUuid=source.config.instanceUuid)))
        until(lambda: of(client, "vms", "twins > 0")["total"] == 2, "both are shown")
        (event, *_) = until(lambda: of(client, "events", "kind = vm.twinned")["items"], "told")
        assert event["severity"] == "warning"
        shown = anypool("vm", "show", source.name, "-o", "json")
        assert '"twins"' in shown.out
        refused = anypool("vm", "stop", source.name, "--dry-run")
        assert "same id" in refused.err, refused.err
        done(copy.Destroy_Task())
    until(lambda: of(client, "vms", "twins > 0")["total"] == 0, "and are no more")
    until(lambda: of(client, "events", "kind = vm.vanished")["total"], "the copy is gone")


def test_search_is_as_quick_while_the_vcenter_hangs(center: Center, client: httpx.Client) -> None:
    def p95_ms() -> float:
        spent = []
        for _ in range(40):
            begun = time.perf_counter()
            assert of(client, "vms", "host.name = DC0_C0_H0 or state = running")["total"]
            spent.append((time.perf_counter() - begun) * 1000)
        return statistics.quantiles(spent, n=20)[-1]

    usual = p95_ms()
    with center.between.being(Mood.HANGS):
        assert center.between.reached.wait(15), "nobody asked"
        hung = p95_ms()
    print(f"search p95 {usual:.1f} ms; while the vCenter hangs {hung:.1f} ms")
    assert hung < 3 * usual + 100


def test_what_a_vcenter_that_is_down_knew_is_unknown_until_it_is_back(
    center: Center, client: httpx.Client
) -> None:
    ids = {one["name"]: one["id"] for one in of(client, "vms")["items"]}
    gone = of(client, "events", "kind = vm.vanished")["total"]  # the twin of the test before
    center.vcsim.stop()
    until(lambda: of(client, "vms", "state = unknown")["total"] == 6, "all are unknown")
    assert of(client, "hosts", "state = unknown")["total"] == 3
    assert of(client, "endpoints", "state = unreachable")["total"] == 1
    assert of(client, "events", "kind = vm.vanished")["total"] == gone
    center.restart()
    until(lambda: of(client, "vms", "state = running")["total"] == 6, "all run")
    assert {one["name"]: one["id"] for one in of(client, "vms")["items"]} == ids


@pytest.mark.parametrize("mood", [Mood.HTML, Mood.REDIRECT, Mood.EXPIRED, Mood.HUGE])
def test_a_vcenter_that_lies_is_unreachable(
    center: Center, client: httpx.Client, mood: Mood
) -> None:
    with center.between.being(mood):
        until(lambda: of(client, "vms", "state = unknown")["total"] == 6, "all are unknown")
        assert of(client, "vms", "state = stopped")["total"] == 0
    until(lambda: of(client, "vms", "state = running")["total"] == 6, "all run")


def test_no_secret_is_told(
    center: Center, client: httpx.Client, manager: Manager, state: Path
) -> None:
    harvest = Harvest()
    harvest.know("password", PASSWORD)
    wrong = harvest.plant("wrong password")
    body = {"uri": center.uri.replace("127.0.0.1", "localhost"), "password": wrong}
    problem(client.post("/endpoints", json=body | {"options": center.options}), 422)
    spoken = bytes(center.between.spoken)
    assert spoken.count(wrong.encode()) == 1
    for path in ("/endpoints", "/events", "/audit", "/vms", "/hosts"):
        harvest.hear(client.get(path))
    harvest.take_bundle("plain", client.get("/support/bundle").content)
    harvest.take_folder("state", state)
    harvest.take_processes(0)
    assert harvest.leaks() == []
    assert harvest.found("vsphere://"), "the search is blind"
    assert center.between.elsewhere.visits == 0


def test_whoever_is_switched_stays_known(client: httpx.Client) -> None:
    def vc() -> Any:
        return client.get("/endpoints/vc").json()

    def heard(since: float) -> None:
        until(lambda: vc()["seen_at"] > since, "it was read by its new driver")

    before = vc()
    for closed in (False, True) * 4:
        seen_at = vc()["seen_at"]
        answer = client.patch("/endpoints/vc", json={"observe_only": closed})
        assert answer.status_code == 200, answer.text
        heard(seen_at)
    assert vc()["since"] == before["since"], "it was unreachable for a moment"


def test_once_it_is_lifted_our_own_deeds_are_no_drift(
    center: Center, client: httpx.Client, anypool: Terminal
) -> None:
    assert anypool("endpoint", "set", "vc", "--observe-only", "false").code == 0
    mine, theirs = "DC0_C0_RP0_VM3", "DC0_C0_RP0_VM4"
    ids = {one["name"]: one["id"] for one in of(client, "vms")["items"]}
    (newest, *_) = of(client, "events")["items"]
    stopped = anypool("vm", "stop", mine, "--force", "--watch", "-y")
    assert stopped.code == 0, stopped.err
    with center.person() as root:
        (vm,) = (one for one in all_of(root, vim.VirtualMachine) if one.name == theirs)
        done(vm.PowerOffVM_Task())
        until(lambda: of(client, "events", f"subject = {ids[theirs]}")["total"], "it is told")
        done(vm.PowerOnVM_Task())
    told = of(client, "events", "kind = vm.drifted")["items"]
    # not what was told before: a vCenter that begins anew says that its VMs were switched on
    since = {one["subject_id"] for one in told if one["number"] > newest["number"]}
    assert ids[theirs] in since
    assert ids[mine] not in since
    assert anypool("vm", "start", mine, "--watch").code == 0
    assert anypool("endpoint", "set", "vc", "--observe-only", "true").code == 0


def test_leaving_leaves_nothing(center: Center, client: httpx.Client, anypool: Terminal) -> None:
    waits = center.between.calls["PropertyCollector.WaitForUpdatesEx"]
    asked = center.between.calls
    until(lambda: asked["PropertyCollector.WaitForUpdatesEx"] > waits, "it is logged in and waits")
    with center.person() as root:
        sessions = len(root.sessionManager.sessionList)
        before = written(root)
        assert anypool("endpoint", "remove", "vc", "-y").code == 0
        until(lambda: len(root.sessionManager.sessionList) < sessions, "its session ended")
        assert written(root) == before
    assert of(client, "vms")["total"] == 0
