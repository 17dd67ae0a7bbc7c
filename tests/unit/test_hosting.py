"""Servers that become hosts by a profile: what is planned, what is judged, who is let in."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.boothost.joining import bundle
from anypool.drivers.libvirt.address import Address, peer_uri
from anypool.drivers.libvirt.pinned import pinned
from anypool.engine.runs.decision import Act, Done, Fail, Wait
from anypool.engine.runs.joining import of_joining, of_leaving
from anypool.engine.runs.sight import Sight
from anypool.errors import Conflict, NoPlan
from anypool.model import (
    Adoption,
    Endpoint,
    EndpointId,
    HostId,
    HostState,
    Inventory,
    Power,
    Profile,
    ProfileId,
    Server,
    ServerAbility,
    ServerId,
    VmId,
    VmState,
    VmWish,
)
from anypool.plan import (
    JoinHost,
    LeaveHost,
    Plan,
    Step,
    VerifyHost,
    decode_plan,
    encode_plan,
    outcome,
    reason,
)
from anypool.plan.check import objections
from anypool.planner.profiles.hosting import joined, plan_make_host, plan_retire_host
from anypool.planner.profiles.wishes import MakeHost, RetireHost
from anypool.planner.rules import NO_RULES
from anypool.planner.wish import Inputs, Terms, decode_inputs, encode_inputs, planned
from tests.strategies import NETWORK, SHARED, host, pool, vm
from tests.unit.boothost_kit import Made, entry

SPARE = ServerId(HostId("s1"))
NODE = ProfileId("p1")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhN8mNnXkNqU3nq5yHc9oXh2mC2vZl0m0o2d6l7c8X9 anypool"
ABILITIES = frozenset({ServerAbility.POWER, ServerAbility.NETBOOT, ServerAbility.BOOT_HOST})
FIRST = VmWish(id=VmId("new"), name="new", memory_mib=256)


def yard(**changes: object) -> Inventory:
    """Three hosts, a spare that is off, and a profile that boots a hypervisor."""
    spare = Server(
        id=SPARE, name="blade1", endpoint=EndpointId("bmc"), power=Power.OFF, cpus=16,
        memory_mib=65536, abilities=ABILITIES, adoption=Adoption.ADOPTED, spare=True,
    )  # fmt: skip
    profile = Profile(id=NODE, name="node1", ip="10.0.0.21", image="hv", hypervisor=True)
    return pool().with_server(spare).with_profile(replace(profile, **changes))  # type: ignore[arg-type]


def kinds(plan: Plan) -> list[str]:
    return [str(step.action.__struct_config__.tag) for step in plan]


def join_of(plan: Plan) -> JoinHost:
    return next(step.action for step in plan if isinstance(step.action, JoinHost))


def made(world: Inventory) -> Inventory:
    """The pool once the spare is a host."""
    return outcome(plan_make_host(world, NODE, SPARE), world)


def test_a_spare_boots_joins_is_seen_to_reach_what_others_reach_and_runs_a_vm() -> None:
    world = yard()
    plan = plan_make_host(world, NODE, None, (FIRST,))
    assert kinds(plan) == [
        "apply-profile", "power-on-server", "verify-server", "join-host", "verify-host",
        "create-vm", "start-vm",
    ]  # fmt: skip
    assert [sorted(step.after) for step in plan] == [[], [1], [2], [3], [4], [5], [6]]
    join = join_of(plan)
    assert join.uri == "qemu+ssh://root@10.0.0.21/system"
    assert (join.expects.datastores, join.expects.networks) == ({SHARED}, {NETWORK})
    assert objections(plan, world) == ()
    assert outcome(plan, world).vm(VmId("new")).host == SPARE


def test_of_other_hosts_only_what_all_have_is_expected() -> None:
    world = yard()
    poor = host(3, networks=frozenset(), capabilities=frozenset())
    away = host(4, datastores=frozenset(), state=HostState.UNKNOWN)
    world = (
        world.with_host(poor)
        .with_host(away)
        .with_host(host(5, pool="other", datastores=frozenset()))
    )
    wish = join_of(plan_make_host(world, NODE, SPARE)).expects
    assert (wish.networks, wish.capabilities, wish.datastores) == (
        frozenset(),
        frozenset(),
        {SHARED},
    )
    with pytest.raises(NoPlan):
        plan_make_host(world, NODE, SPARE, (replace(FIRST, memory_mib=1 << 20),))


@pytest.mark.parametrize(
    "changes", [{"hypervisor": False}, {"ip": ""}, {"image": ""}, {"server": ServerId(HostId("x"))}]
)
def test_a_profile_that_makes_no_host_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Conflict):
        plan_make_host(yard(**changes), NODE, SPARE)


def test_a_host_leaves_empty_and_off() -> None:
    world = made(yard()).with_vm(vm(1, "s1"))
    plan = plan_retire_host(world, SPARE)
    assert kinds(plan) == [
        "migrate-vm", "enter-maintenance", "leave-host", "power-off-server", "withdraw-profile",
    ]  # fmt: skip
    assert objections(plan, world) == ()
    after = outcome(plan, world)
    assert SPARE not in after.hosts
    assert (after.server(SPARE).power, after.profile(NODE).server) == (Power.OFF, None)


def test_a_host_with_a_stopped_vm_does_not_leave() -> None:
    world = made(yard()).with_vm(vm(1, "s1", state=VmState.STOPPED))
    with pytest.raises(NoPlan, match="vm1"):
        plan_retire_host(world, SPARE)
    with pytest.raises(Conflict, match="no host"):
        plan_retire_host(yard(), SPARE)


def test_the_judge_sees_a_host_that_joins_unborne_and_vms_that_come_before_it() -> None:
    world = yard()
    plan = plan_make_host(world, NODE, SPARE, (FIRST,))
    alone = _only(plan, JoinHost)
    assert {one.code for one in objections(alone, world)} >= {
        "check.joins-unborne", "check.joins-off", "check.profile-late",
    }  # fmt: skip
    late = _steps(plan, *plan.steps[:3], *plan.steps[5:], *plan.steps[3:5])
    assert "check.closed" in {one.code for one in objections(late, world)}
    twice = _steps(plan, *plan.steps, plan.steps[3])
    assert "check.joins-twice" in {one.code for one in objections(twice, world)}


def test_the_judge_sees_a_host_that_is_forgotten_with_vms_or_open() -> None:
    world = made(yard()).with_vm(vm(1, "s1")).with_vm(vm(2, "s1", state=VmState.STOPPED))
    leave = LeaveHost(server=SPARE, endpoint=EndpointId("node1"))
    plan = Plan(
        goal="", aim=reason("join.empty", server="x"), based_on="",
        steps=(Step(number=1, action=leave, why=reason("join.empty", server="x")),),
    )  # fmt: skip
    found = {one.code: dict(one.facts) for one in objections(plan, world)}
    assert set(found) >= {"check.leaves-open", "check.leaves-vms"}
    assert found["check.leaves-vms"]["count"] == 2


def _only(plan: Plan, kind: type) -> Plan:
    return _steps(plan, *(step for step in plan if isinstance(step.action, kind)))


def _steps(plan: Plan, *steps: Step) -> Plan:
    """The plan with these steps in this order."""
    some = (replace(one, number=at, after=frozenset()) for at, one in enumerate(steps, 1))
    return replace(plan, steps=tuple(some))


def test_a_host_is_taken_once_its_server_answers_and_never_for_another_epoch() -> None:
    world = yard()
    plan = plan_make_host(world, NODE, SPARE)
    join = join_of(plan)
    booted = outcome(replace(plan, steps=plan.steps[:3]), world)
    server = booted.server(SPARE)

    def judged(inventory: Inventory, **seen: object) -> object:
        sight = Sight(inventory=inventory, power=Power.ON, **seen)  # type: ignore[arg-type]
        return of_joining(join, server, sight)

    assert isinstance(judged(booted, unready="no answer"), Wait)
    assert isinstance(judged(booted), Act)
    assert isinstance(judged(made(world)), Done)
    away = made(world).with_host(replace(made(world).host(server.host), state=HostState.UNKNOWN))
    assert isinstance(judged(away), Wait)
    other = booted.with_profile(replace(booted.profile(NODE), epoch=9))
    assert isinstance(judged(other), Fail)
    strange = made(world).with_host(
        replace(made(world).host(server.host), endpoint=EndpointId("z"))
    )
    assert isinstance(judged(strange), Fail)
    alien = made(world).with_host(replace(made(world).host(server.host), arch="aarch64"))
    assert isinstance(judged(alien), Fail)


def test_a_host_is_forgotten_only_when_it_was_seen_closed_and_empty() -> None:
    world = made(yard())
    leave, server = LeaveHost(server=SPARE, endpoint=EndpointId("node1")), world.server(SPARE)
    closed = world.with_host(replace(world.host(server.host), maintenance=True))

    def judged(inventory: Inventory, **seen: object) -> object:
        return of_leaving(leave, server, Sight(inventory=inventory, **seen))  # type: ignore[arg-type]

    assert isinstance(judged(closed), Act)
    assert isinstance(judged(world), Fail)
    assert isinstance(judged(closed.with_vm(vm(1, "s1", state=VmState.STOPPED))), Fail)
    assert isinstance(judged(closed, answered=False), Wait)
    assert isinstance(judged(yard()), Done)


def test_the_expected_pool_has_the_host_for_whoever_places_vms() -> None:
    found = joined(yard(), NODE, None).host(HostId(SPARE))
    assert (found.name, found.memory_mib, found.networks) == ("node1", 65536, {NETWORK})
    last = plan_make_host(yard(), NODE, None).steps[-1].action
    assert isinstance(last, VerifyHost)
    assert last.datastores == {SHARED}


def test_who_a_server_is_it_is_told_after_each_start_until_it_has_it(tmp_path: Path) -> None:
    made_ = Made(tmp_path)
    (tmp_path / "import/kernel").write_bytes(b"k")
    made_.host.images.add("hv", {"kernel": "kernel"}, "quiet anypool.join={join}")
    one = entry(image="hv", targets=[], initiator="", keys=[KEY])
    made_.enter(one)
    address = made_.host.script("10.0.0.21").partition("anypool.join=")[2].split()[0]
    token = address.rpartition("/")[2]
    assert made_.host.join("10.0.0.22", token) == ""
    assert made_.host.join("10.0.0.21", token[:-1]) == ""
    assert made_.host.join("10.0.0.21", "\xe9") == "", "as a request may have it"
    told = made_.again().join("10.0.0.21", token)
    assert told.startswith("anypool-join 1\nname db1\n")
    assert told.endswith("\nend\n")
    assert made_.host.join("10.0.0.21", token) == told, "an answer may be lost"
    assert made_.host.join("10.0.0.22", token, True) == ""
    assert made_.host.join("10.0.0.21", token, True) != ""
    assert made_.host.join("10.0.0.21", token) == "", "it has it: nobody gets it any more"
    assert made_.again().join("10.0.0.21", token) == ""
    (known,) = made_.host.state()["entries"]
    assert bundle(one, made_.host._keys["p1"]) == told
    assert made_.host._keys["p1"][0].strip() not in str(made_.host.state())
    made_.enter(entry(image="hv", targets=[], initiator="", keys=[KEY], epoch=2, server="s9"))
    (next_,) = made_.host.state()["entries"]
    assert known["host_key"].startswith("ssh-ed25519 ")
    assert next_["host_key"] not in ("", known["host_key"]), "each epoch has a key of its own"
    assert made_.host.join("10.0.0.21", token) == ""
    made_.host.close()


def test_a_server_that_is_no_hypervisor_has_no_host_key(tmp_path: Path) -> None:
    made_ = Made(tmp_path)
    made_.enter(entry(image="ram", targets=[], initiator=""))
    (told,) = made_.host.state()["entries"]
    assert told["host_key"] == ""
    assert made_.host.join("10.0.0.21", "") == ""
    made_.host.close()


def test_ssh_to_a_pinned_host_asks_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "anypool-ssh-killed").mkdir()
    made_ = pinned(Address("qemu+ssh://root@10.0.0.21/system"), "ssh-ed25519 AAAA", "a key")
    assert made_ is not None
    said = subprocess.run([made_.command, "-G", "host"], capture_output=True, text=True, check=True)
    found = dict(line.partition(" ")[::2] for line in said.stdout.splitlines())
    assert found["stricthostkeychecking"] == "true"
    assert Path(found["userknownhostsfile"]).read_text() == "anypool-host ssh-ed25519 AAAA\n"
    assert Path(found["identityfile"]).read_text() == "a key\n"
    uri = Address("qemu+ssh://root@10.0.0.21/system").to_open(made_.command)
    assert uri == f"qemu+ssh://root@10.0.0.21/system?no_tty=1&command={made_.command}"
    options = (("host_key", "ssh-ed25519 AAAA"),)
    one = Endpoint(id=EndpointId("n"), driver="libvirt", uri=uri, options=options)
    assert peer_uri(one) == "qemu+libssh://root@10.0.0.21/system"
    assert len(list(tmp_path.iterdir())) == 1, "what a killed process left is gone"
    del made_
    assert list(tmp_path.iterdir()) == [], "and so is this"


@pytest.mark.parametrize(
    "wish",
    [
        MakeHost(profile=NODE, server=SPARE, wishes=(FIRST,)),
        MakeHost(
            profile=NODE, why=reason("replenish.quiet", server="h", busy=3), instead=HostId("h2")
        ),
        RetireHost(server=SPARE),
        RetireHost(server=SPARE, why=reason("replenish.quiet", server="h", busy=3)),
    ],
)
def test_the_plan_is_made_again_from_what_is_kept(wish: MakeHost | RetireHost) -> None:
    world = yard() if isinstance(wish, MakeHost) else made(yard()).with_vm(vm(1, "s1"))
    inputs = Inputs(wish=wish, terms=Terms(by="ada"))
    plan = planned(inputs, world, NO_RULES)
    again = decode_inputs(encode_inputs(inputs, plan))
    assert planned(again, world, NO_RULES) == plan
    assert decode_plan(encode_plan(plan)) == plan
