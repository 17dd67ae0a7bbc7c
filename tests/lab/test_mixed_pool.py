"""One pool of real libvirt hosts and a vCenter: searched, weighed and planned for together."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.cli.client import Json
from anypool.errors import NoPlan
from anypool.lab import vcsim
from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, heal
from tests.vsphere.conftest import beside, found

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.vcsim, pytest.mark.timeout(240)]
GUEST = "real"


@pytest.fixture
def pool(stack: Stack) -> Iterator[Stack]:
    """A real guest on a real host, and two clusters of two hosts with a VM each, in one pool."""
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    with stack.lab.inside():
        center = vcsim.start(vcsim.VcsimSpec(clusters=2, hosts=2, vms=4))
        spread(center)
    try:
        stack.make(GUEST, "h1")
        stack.client.post(
            "/endpoints",
            {
                "uri": center.uri,
                "name": "vc",
                "password": center.password,
                "options": {"fingerprint": center.fingerprint},
                "observe_only": False,
            },
        )
        yield stack
    finally:
        stack.forget(GUEST)
        stack.client.delete("/endpoints/vc")
        center.stop()


def spread(center: vcsim.Vcsim) -> None:
    """Let each host run one VM."""
    content = beside(center)
    pairs = zip(found(content, vim.VirtualMachine), found(content, vim.HostSystem), strict=True)
    for vm, host in pairs:
        vm.MigrateVM_Task(pool=None, host=host, priority="defaultPriority", state=None)
    content.sessionManager.Logout()
    content.rootFolder._stub.DropConnections()


def names(stack: Stack, noun: str, query: str) -> set[str]:
    return {one["name"] for one in stack.client.items(f"/{noun}", query=query)}


def hosts(stack: Stack) -> dict[str, Json]:
    return {one["id"]: one for one in stack.client.items("/hosts")}


def moves(stack: Stack, plan: Any) -> list[tuple[Json, Json]]:
    known = hosts(stack)
    actions = [step["action"] for step in plan["steps"] if "target" in step["action"]]
    return [(known[one["source"]], known[one["target"]]) for one in actions]


def both_are_searched_at_once(pool: Stack) -> None:
    assert {"h1", "h2", "h3"} <= names(pool, "hosts", "platform = qemu")
    assert len(names(pool, "hosts", "platform = esxi")) == 4
    running = names(pool, "vms", "state = running and memory > 0")
    assert {GUEST, "DC0_C0_RP0_VM0", "DC0_C1_RP0_VM1"} <= running
    assert len(names(pool, "vms", "cluster = DC0_C1")) == 2
    assert GUEST in names(pool, "vms", "host = h1")


def one_death_map_holds_both_and_each_restarts_on_its_own_kind(pool: Stack) -> None:
    def whole() -> bool:
        told = names(pool, "pools/default/death-map", "")
        return {"h1", "h2", "DC0_C0_H0", "DC0_C1_H1"} <= told

    wait_until(whole, "the death map holds all hosts")
    ids = {one["id"]: one for one in hosts(pool).values()}
    known = {key: one["platform"] for key, one in ids.items()}
    for dies, vm in (("h1", GUEST), ("DC0_C0_H0", "DC0_C0_RP0_VM0")):
        told = pool.client.get("/pools/default/what-if", host=dies)
        fates = {one["vm_name"]: one for one in (*told["vms"], *told["lost"])}
        assert fates[vm]["host"] or fates[vm]["left"], fates[vm]
        by_name = {one["name"]: known[key] for key, one in ids.items()}
        for fate in fates.values():
            place = fate["host_name"] or fate["near"]
            assert place is None or by_name[place] == known[fate["home"]]


def rules_say_what_may_go_where_within_and_across_platforms(pool: Stack) -> None:
    with pytest.raises(NoPlan, match="host of esxi, and the VM is made for qemu"):
        pool.client.post(f"/vms/{GUEST}/migrate", {"host": "DC0_C0_H0"}, dry_run=True)
    with pytest.raises(NoPlan, match="host of qemu, and the VM is made for esxi"):
        pool.client.post("/vms/DC0_C0_RP0_VM0/migrate", {"host": "h1"}, dry_run=True)
    rule = {"kind": "no-migration", "source": "cluster = DC0_C0", "target": "cluster = DC0_C1"}
    policy = {"name": "unsupported", "scope": "platform = esxi", "rule": rule}
    pool.client.post("/policies", policy)
    try:
        with pytest.raises(NoPlan, match="unsupported"):
            pool.client.post("/vms/DC0_C0_RP0_VM0/migrate", {"host": "DC0_C1_H0"}, dry_run=True)
        plan = pool.client.post("/hosts/DC0_C0_H0/evacuate", dry_run=True)
        assert {there["name"] for _, there in moves(pool, plan)} == {"DC0_C0_H1"}
    finally:
        pool.client.delete("/policies/unsupported")


def consolidation_goes_over_both_and_never_across(pool: Stack) -> None:
    wait_until(
        lambda: all(one["load"] for one in hosts(pool).values() if one["state"] == "up"),
        "every host was measured",
        timeout_s=40,
    )
    plan = pool.client.post("/pools/default/consolidate", dry_run=True, headroom_percent=0)
    made = moves(pool, plan)
    assert "esxi" in {here["platform"] for here, _ in made}, plan["goal"]
    assert all(here["platform"] == there["platform"] for here, there in made)


def both_are_operated_by_one_manager(pool: Stack) -> None:
    ended = [
        pool.end(pool.post(f"/vms/{vm}/migrate", {"host": target}))
        for vm, target in ((GUEST, "h2"), ("DC0_C0_RP0_VM0", "DC0_C1_H1"))
    ]
    assert [one["state"] for one in ended] == ["done", "done"], ended
    assert pool.place(GUEST) == "h2"
    assert pool.client.get("/vms/DC0_C0_RP0_VM0")["host_name"] == "DC0_C1_H1"


def test_one_pool_of_both(pool: Stack) -> None:
    """One test, so that what it needs is made once."""
    both_are_searched_at_once(pool)
    one_death_map_holds_both_and_each_restarts_on_its_own_kind(pool)
    rules_say_what_may_go_where_within_and_across_platforms(pool)
    consolidation_goes_over_both_and_never_across(pool)
    both_are_operated_by_one_manager(pool)
