"""A VM moves from one vCenter to another: planned, done, looked at from both sides, and once."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from msgspec.structs import replace
from pyVmomi import vim

from anypool.drivers import Driver, Migration
from anypool.drivers.registry import connect
from anypool.errors import NotSupported, Rejected, UnderWay
from anypool.lab import vcsim
from anypool.model import Capability, JobOrder, JobState, VmState
from tests.service.manager_kit import problem, running, until
from tests.vsphere.conftest import beside, endpoint_of, found
from tests.vsphere.test_killed import MOVES, Stack

SLOW_S = 2.0
BOTH_S = 1.5
"""For so long both vCenters have the VM: the one that it leaves runs it."""
ACCEPTS = "accepts-moves"


class Sites(NamedTuple):
    """Two vCenters over the same storage; VMs of `a` take their time to leave."""

    a: vcsim.Vcsim
    b: vcsim.Vcsim


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with ExitStack() as stack:
        made = []
        for site, vms in (("a", 6), ("b", 0)):
            slow = (("relocateVm", SLOW_S), ("arrive", BOTH_S)) if vms else ()
            spec = vcsim.VcsimSpec(hosts=2, vms=vms, site=site, slow=slow)
            made.append(vcsim.start(spec))
            stack.callback(made[-1].stop)
        yield Sites(*made)


def opened(center: vcsim.Vcsim, name: str, *, accepts: bool = True, **fields: Any) -> Driver:
    endpoint = endpoint_of(center, name, **fields)
    if accepts:
        endpoint = replace(endpoint, options=(*endpoint.options, (ACCEPTS, "yes")))
    return connect(endpoint, center.password)


@pytest.fixture
def pair(sites: Sites) -> Iterator[tuple[Driver, Driver]]:
    made = opened(sites.a, "a"), opened(sites.b, "b")
    yield made
    for one in made:
        one.close()


def order(a: Driver, b: Driver, number: int) -> Migration:
    frame = a.observe()
    vm = sorted((v for v in frame.vms if v.state is VmState.RUNNING), key=lambda v: v.name)[number]
    target = min(b.observe().hosts, key=lambda host: host.name)
    assert vm.host is not None
    made = Migration(
        vm=vm.id, source=vm.host, target=target.id, peer_uri=target.peer_uri, peer_address="",
        start_paused=False, invited=True,
    )  # fmt: skip
    return replace(made, invitation=b.invite(made))


def states(center: vcsim.Vcsim, vm: str) -> list[str]:
    """How the VMs that bear an id are, by this vCenter's own word."""
    content = beside(center)
    there = [
        str(one.runtime.powerState)
        for one in found(content, vim.VirtualMachine)
        if one.config.instanceUuid == vm
    ]
    content.sessionManager.Logout()
    content.rootFolder._stub.DropConnections()
    return there


def test_who_does_not_accept_moves_gives_no_account_away(sites: Sites) -> None:
    silent = opened(sites.b, "b", accepts=False)
    watched = opened(sites.b, "b", observe_only=True)
    target = silent.observe().hosts[0]
    assert target.peer_uri == ""
    assert Capability.INVITATION not in target.capabilities
    asked = Migration(
        vm=target.id, source=target.id, target=target.id, peer_uri="", peer_address="",  # type: ignore[arg-type]
        start_paused=False, invited=True,
    )  # fmt: skip
    with pytest.raises(NotSupported, match="accepts no VMs"):
        silent.invite(asked)
    with pytest.raises(NotSupported, match="observe-only"):
        watched.invite(asked)
    silent.close()
    watched.close()


def test_an_invitation_shows_no_password(sites: Sites, pair: tuple[Driver, Driver]) -> None:
    invited = order(*pair, 0)
    assert invited.invitation is not None
    assert invited.invitation.secret == sites.b.password
    assert sites.b.password not in repr(invited)
    assert sites.b.password not in str(invited.invitation)


@pytest.fixture
def again(sites: Sites) -> Iterator[Driver]:
    """Another connection to the first one, as the next manager has it."""
    made = opened(sites.a, "again")
    yield made
    made.close()


def test_its_task_is_found_by_anybody_and_both_sides_tell(
    sites: Sites, pair: tuple[Driver, Driver], again: Driver
) -> None:
    a, b = pair
    wanted = order(a, b, 0)
    again.observe()
    with pytest.raises(UnderWay) as under_way:
        a.begin_migration(wanted)
    asked = JobOrder(operation="begin_migration", host=wanted.source, vm=wanted.vm)
    assert again.job(asked).handle == under_way.value.handle, "found without its handle"
    with pytest.raises(UnderWay) as twice:
        again.begin_migration(wanted)
    assert twice.value.handle == under_way.value.handle, "it is taken for the same"
    known = replace(asked, handle=under_way.value.handle)
    deadline = time.monotonic() + 20
    while (job := again.job(known)).state is JobState.RUNNING:
        assert b.observe_vms((wanted.vm,)).missing or states(sites.b, wanted.vm)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert job.state is JobState.DONE, job.message
    assert a.observe_vms((wanted.vm,)).missing == (wanted.vm,)
    (there,) = b.observe_vms((wanted.vm,)).vms
    assert (there.host, there.state) == (wanted.target, VmState.RUNNING)
    assert again.job(asked).state is JobState.GONE, "what is over is told by both sides"
    assert (states(sites.a, wanted.vm), states(sites.b, wanted.vm)) == ([], ["poweredOn"])


@pytest.mark.parametrize("wrong", ["secret", "thumbprint", "instance", "folder"])
def test_one_that_is_not_let_in_stays(
    sites: Sites, pair: tuple[Driver, Driver], wrong: str
) -> None:
    a, b = pair
    wanted = order(a, b, 0)
    assert wanted.invitation is not None
    bad = "00:" * 19 + "00" if wrong == "thumbprint" else "wrong"
    wanted = replace(wanted, invitation=replace(wanted.invitation, **{wrong: bad}))
    with pytest.raises(UnderWay) as under_way:
        a.begin_migration(wanted)
    asked = JobOrder(
        operation="begin_migration", host=wanted.source, vm=wanted.vm,
        handle=under_way.value.handle,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while (job := a.job(asked)).state is JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert job.state is JobState.FAILED
    assert sites.b.password not in job.message
    assert (states(sites.a, wanted.vm), states(sites.b, wanted.vm)) == (["poweredOn"], [])


def test_a_storage_or_network_that_is_not_there_ends_it_before_it_begins(
    pair: tuple[Driver, Driver],
) -> None:
    wanted = order(*pair, 0)
    assert wanted.invitation is not None
    for gone in ("stores", "networks"):
        poor = replace(wanted.invitation, **{gone: ()})
        with pytest.raises(Rejected, match="the other vCenter"):
            pair[0].begin_migration(replace(wanted, invitation=poor))


def test_a_manager_plans_and_does_it_and_the_vm_is_never_two(
    sites: Sites, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("manager")) as manager, manager.client() as client:
        _add(client, sites.a, "a")
        _add(client, sites.b, "b")
        vms = client.get("/vms", params={"q": "state = running and host ~ a-"}).json()["items"]
        vm = min(vms, key=lambda one: str(one["name"]))
        here = client.get(f"/vms/{vm['id']}").json()
        client.patch(f"/vms/{vm['id']}", json={"tags": ["kept"]})
        asked = {"host": "b-DC0_C0_H0"}
        refused = problem(client.post(f"/vms/{vm['id']}/migrate", json=asked), 409)
        assert "no address for its peers" in refused["detail"], refused
        assert client.delete("/endpoints/b").status_code in (200, 204)
        _add(client, sites.b, "b", {ACCEPTS: "yes"})
        answer = client.post(f"/vms/{vm['id']}/migrate", json={"host": "b-DC0_C0_H0"})
        ended = watched(client, answer, vm["id"], total=6)
        assert ended["state"] == "done", ended["steps"]
        assert ended["steps"][0]["action"]["source"] == here["host"]
        seen = client.get(f"/vms/{vm['id']}").json()
        assert (seen["host_name"], seen["state"], seen["tags"]) == (
            "b-DC0_C0_H0", "running", ["kept"],
        )  # fmt: skip
        assert (seen["twins"], seen["copies"]) == ([], [])
        until(lambda: states(sites.b, vm["id"]) == ["poweredOn"], "it runs there")
        assert states(sites.a, vm["id"]) == []
        kinds = {one["kind"] for one in client.get("/events").json()["items"]}
        assert "vm.twinned" not in kinds
        told = client.get("/support/bundle").content
        assert sites.b.password.encode() not in told


def watched(client: httpx.Client, answer: httpx.Response, vm: str, *, total: int) -> dict[str, Any]:
    """Follow a move to its end; meanwhile there is one such VM, seen to run where it runs.

    The simulator lets it go a moment before it starts it there, which a real one does at once.
    """
    path = f"/operations/{answer.json()['operation']['id']}"
    most_copies = 0
    until_s = time.monotonic() + 40
    while (seen := dict(client.get(path).json()))["state"] in ("waiting", "running"):
        assert time.monotonic() < until_s, seen
        every = client.get("/vms").json()["items"]
        assert len(every) == total
        (one,) = [each for each in every if each["id"] == vm]
        assert one["twins"] == []
        starts_there = str(one["host_name"]).startswith("b-") and not one["copies"]
        assert one["state"] == "running" or starts_there, one
        most_copies = max(most_copies, len(one["copies"]))
        time.sleep(0.05)
    assert most_copies == 1, "it was seen at both, as one VM with a copy"
    return seen


def test_a_manager_that_is_killed_meanwhile_goes_on_with_the_same_task(
    sites: Sites, tmp_path: Path
) -> None:
    stack = Stack(sites.a, tmp_path / "manager")
    stack.start()
    try:
        for center, name in ((sites.a, "a"), (sites.b, "b")):
            stack.client.post("/endpoints", _body(center, name, {ACCEPTS: "yes"}))
        vms = stack.client.items("/vms", query="state = running and host ~ a-")
        vm = min(vms, key=lambda one: str(one["name"]))
        real = {one.name: one._moId for one in found(stack.content, vim.VirtualMachine)}
        answer = stack.client.post(f"/vms/{vm['id']}/migrate", {"host": "b-DC0_C0_H1"})
        until(lambda: stack.moving() > 0, "it moves")
        stack.crash()
        stack.start()
        ended = stack.end(str(answer["operation"]["id"]))
        assert ended["state"] == "done", ended["steps"]
        seen = stack.client.get(f"/vms/{vm['id']}")
        assert (seen["host_name"], seen["state"]) == ("b-DC0_C0_H1", "running")
        assert (states(sites.a, vm["id"]), states(sites.b, vm["id"])) == ([], ["poweredOn"])
        infos = [task.info for task in stack.content.taskManager.recentTask]
        asked = [one for one in infos if one.entity and one.entity._moId == real[vm["name"]]]
        moves = [one for one in asked if one.descriptionId in MOVES]
        assert len(moves) == 1, "it was asked once"
    finally:
        stack.close()


def _add(
    client: httpx.Client, center: vcsim.Vcsim, name: str, options: dict[str, str] | None = None
) -> None:
    answer = client.post("/endpoints", json=_body(center, name, options or {}))
    assert answer.status_code == 201, answer.text


def _body(center: vcsim.Vcsim, name: str, options: dict[str, str]) -> dict[str, Any]:
    return {
        "uri": center.uri,
        "name": name,
        "password": center.password,
        "options": {"fingerprint": center.fingerprint, **options},
        "observe_only": False,
    }
