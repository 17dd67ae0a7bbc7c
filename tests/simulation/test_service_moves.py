"""A service moves between a simulated server and a VM, by the real engine under simulated time.

The world itself judges: no address is ever in use twice, on servers that are on and VMs that
run; the boot host lets nobody in but who bears the profile.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.drivers import Driver
from anypool.drivers.observing import guarded
from anypool.drivers.sim import BmcMood, Fault, FaultKind, Shape
from anypool.drivers.sim.racked import double_addresses, set_server
from anypool.engine.returning import Returning
from anypool.engine.unasked import begin
from anypool.errors import Conflict, NoPlan
from anypool.model import (
    AdapterKind,
    Endpoint,
    EndpointId,
    Nic,
    Probe,
    ProbeKind,
    Profile,
    ProfileId,
    RunId,
    VmId,
    VmWish,
)
from anypool.model.address import AddressKind, AddressRange
from anypool.model.profile import IscsiTarget, ProfilePort
from anypool.plan import Plan, StartVm, Step, digest, reason
from anypool.planner.profiles.assign import plan_assign, plan_unassign
from anypool.planner.profiles.leaving import Leaving, Seen
from anypool.planner.profiles.moving import Virtual
from anypool.planner.profiles.returning import Home
from anypool.planner.profiles.running import stop_borne
from anypool.planner.profiles.wishes import MoveProfile
from anypool.planner.rules import NO_RULES
from anypool.store import events, runs
from anypool.store.pages import Ask
from anypool.store.records import RunState
from tests.simulation.boot_host import SimBootHost
from tests.simulation.pool import SimPool
from tests.simulation.test_profiles import FIRST, SECOND, Answering, Rack, facts_of

SHAPE = Shape(hosts=2, vms=1, servers=2)
BOOT = EndpointId("boot1")
WEB = ProfileId("profile-web")
VM, AGAIN = (VmId(f"00000000-0000-4000-8000-00000000000{digit}") for digit in (1, 2))
PROBE = Probe(kind=ProbeKind.TCP, address="10.0.0.7", port=80)
SEEN = Seen(probe=PROBE, within_s=30)


class BootRack(Rack):
    """Hosts, servers and a boot host."""

    boot: SimBootHost

    def endpoints(self) -> list[Endpoint]:
        return [*super().endpoints(), Endpoint(id=BOOT, driver="boot", uri="boot+unix:///s")]

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        return guarded(endpoint, self.boot) if endpoint.id == BOOT else super().driver(endpoint)


class Moved(Answering):
    """A yard with two blades, two hosts, a boot host, and the profile of a service.

    The service answers while somebody runs whom the boot host lets in, unless it is `deaf` there.
    """

    deaf = ""

    def __init__(self, folder: Path) -> None:
        self.boot = SimBootHost(BOOT)
        super().__init__(folder, shape=SHAPE)

    def _pool(self) -> SimPool:
        pool = BootRack(self.world)
        pool.boot = self.boot
        return pool

    def furnish(self) -> None:
        """Make a range, a profile of one MAC that boots from the boot host, spares, an engine."""
        book = self.engine.servers.profiles
        lan = AddressRange(
            id="lan", kind=AddressKind.MAC, first="02:00:00:00:00:01", last="02:00:00:00:00:ff"
        )
        book.add_range(lan, "ada")
        ports = (ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address=""),)
        target = IscsiTarget(iqn="iqn.2026-11.local:web", address="10.0.0.5")
        profile = Profile(
            id=WEB, name="web", ports=ports, ip="10.0.0.7", image="web", iscsi=(target,),
            probe=PROBE,
        )  # fmt: skip
        book.add(profile, ("", ""), "ada")
        for server in (FIRST, SECOND):
            self.engine.servers.set_facts(facts_of(server), "ada")
        self.hear()

    def knock(self, probe: Probe, _: str) -> str:
        return "" if self.bearer not in ("", self.deaf) else "silence"

    @property
    def profile(self) -> Profile:
        return self.engine.inventory.profiles[WEB]

    @property
    def bearer(self) -> str:
        """Who runs now with the profile's address; by the world and the boot host."""
        entry = self.boot.entries.get(WEB)
        (mac,) = self.profile.virtual_macs
        with self.world.turn() as state:
            found = [
                key
                for key, row in state.servers.rows.items()
                if row.powered and mac in {port.address for port in row.server.ports}
            ]
            found += [
                vm
                for vm in state.all_vms()
                for host in state.running(vm)
                if mac in {nic.mac for nic in state.copy(host, vm).vm.nics}  # type: ignore[union-attr]
            ]
        assert len(found) <= 1
        return found[0] if found and entry is not None and entry.server == found[0] else ""

    def wish(self, vm: VmId = VM) -> Virtual:
        nics = tuple(Nic(mac=mac) for mac in self.profile.virtual_macs)
        return Virtual(wish=VmWish(id=vm, name="web", memory_mib=256, nics=nics), seen=SEEN)

    def to_vm(self, vm: VmId = VM, home: Home | None = None) -> MoveProfile:
        return MoveProfile(profile=WEB, virtual=self.wish(vm), seen=SEEN, home=home)

    def to_server(self, home: Home | None = None) -> MoveProfile:
        return MoveProfile(profile=WEB, server=FIRST, seen=SEEN, home=home)

    def move(self, wish: MoveProfile) -> RunId:
        plan = begin(self.engine, wish, "ada", self.engine.inventory)
        assert plan is not None
        with self.store.store.reading() as tx:
            return runs.list_runs(tx, Ask(limit=1), plan=plan).items[0].id

    def moved(self, wish: MoveProfile) -> None:
        run = self.move(wish)
        assert self.finish(run).state is RunState.DONE, self.steps(run)
        self.check_once()

    def check_once(self) -> None:
        assert double_addresses(self.world) == ()
        self.check_safe()
        entry = self.boot.entries.get(WEB)
        owner = self.profile.server
        assert (entry.server if entry else None) == owner
        assert entry is None or (entry.epoch, entry.ip) == (self.profile.epoch, "10.0.0.7")
        assert entry is None or entry.macs == self.profile.virtual_macs


@pytest.fixture
def yard(tmp_path: Path) -> Moved:
    made = Moved(tmp_path)
    made.furnish()
    assert made.finish(made.begin(plan_assign(made.engine.inventory, WEB, FIRST))).state is (
        RunState.DONE
    )
    made.check_once()
    return made


def kinds(plan: Plan) -> list[str]:
    return [type(step.action).__name__ for step in plan.steps]


def test_a_service_moves_from_a_server_to_a_vm_and_back_with_its_addresses(yard: Moved) -> None:
    plan = yard.to_vm().plan(yard.engine.inventory, NO_RULES)
    assert kinds(plan) == [
        "PowerOffServer", "WithdrawProfile", "ApplyProfile", "CreateVm", "StartVm", "AwaitReady"
    ]  # fmt: skip
    yard.moved(yard.to_vm())
    assert (yard.bearer, yard.profile.vm, yard.profile.epoch) == (VM, VM, 2)
    assert yard.engine.inventory.servers[FIRST].ports[0].address != yard.profile.virtual_macs[0]
    back = yard.to_server().plan(yard.engine.inventory, NO_RULES)
    assert kinds(back) == [
        "StopVm", "DeleteVm", "WithdrawProfile", "ApplyProfile", "PowerOnServer", "VerifyServer"
    ]  # fmt: skip
    yard.moved(yard.to_server())
    assert (yard.bearer, yard.profile.machine, yard.profile.epoch) == (FIRST, FIRST, 3)
    assert VM not in yard.copies()
    last, virtual, first = yard.engine.servers.profiles.history(WEB)
    assert (virtual.server, virtual.server_name) == (VM, "web")
    assert virtual.proof == "it was stopped and deleted from its host"
    assert (first.server, last.server, last.ended_at) == (FIRST, FIRST, 0.0)


def test_a_server_that_does_not_obey_keeps_it_and_no_vm_is_made(yard: Moved) -> None:
    set_server(yard.world, FIRST, bmc=BmcMood.STUCK)
    run = yard.move(yard.to_vm())
    assert yard.finish(run).state in (RunState.NEEDS_HUMAN, RunState.FAILED)
    assert yard.profile.machine == FIRST
    assert VM not in yard.copies()
    yard.check_once()


def test_a_vm_on_a_host_that_says_nothing_keeps_it(yard: Moved) -> None:
    yard.moved(yard.to_vm())
    host = yard.where()[VM]
    run = yard.move(yard.to_server())
    yard.world.cut_host(host)
    assert yard.finish(run).state in (RunState.NEEDS_HUMAN, RunState.FAILED)
    assert (yard.profile.vm, yard.bearer) == (VM, VM)
    yard.check_once()


def test_a_vm_that_nobody_shows_is_gone_only_if_all_hosts_answer(yard: Moved) -> None:
    """Somebody deleted it beside us; a host that is silent might run it all the same."""
    yard.moved(yard.to_vm())
    host = yard.where()[VM]
    with yard.world.turn() as state:
        state.put_copy(host, VM, None)
    yard.engine.observe_now(host)
    other = next(one for one in yard.engine.inventory.hosts if one != host)
    yard.world.cut_host(other)
    with pytest.raises(Exception, match="answer"):
        yard.engine.observe_now(other)
    with pytest.raises(NoPlan, match="where nobody answers"):
        yard.to_server().plan(yard.engine.inventory, NO_RULES)
    yard.world.heal_host(other)
    yard.engine.observe_now(other)
    yard.moved(yard.to_server())
    assert yard.bearer == FIRST


def test_no_other_vm_is_made_with_its_address(yard: Moved) -> None:
    yard.moved(yard.to_vm())
    with pytest.raises(Conflict, match="bears web already"):
        yard.to_vm(AGAIN).plan(yard.engine.inventory, NO_RULES)
    assert yard.finish(yard.begin(plan_unassign(yard.engine.inventory, WEB))).state is (
        RunState.DONE
    )
    stray = yard.to_vm().plan(yard.engine.inventory, NO_RULES).steps[1]
    alone = Step(number=1, action=stray.action, why=reason("bear.vm-starts"))
    plan = Plan(goal="make it beside us", steps=(alone,), based_on=digest(yard.engine.inventory))
    with pytest.raises(Conflict, match="web would be on two"):
        yard.begin(plan)


def test_a_server_with_the_address_of_a_vm_is_not_switched_on(yard: Moved) -> None:
    """Its board was put back with the profile's address in it, behind our back."""
    yard.moved(yard.to_vm())
    assert yard.finish(yard.begin(stopped(yard))).state is RunState.DONE
    with yard.world.turn() as state:
        row = state.servers.rows[SECOND]
        lan, san = row.server.adapters
        port = replace(lan.ports[0], address=yard.profile.virtual_macs[0])
        server = replace(row.server, adapters=(replace(lan, ports=(port,)), san))
        state.servers.put(SECOND, replace(row, server=server, powered=True))
    yard.engine._observer.read(EndpointId("rack"))
    host = next(iter(yard.copies()[VM]))[0]
    start = Step(number=1, action=StartVm(vm=VM, host=host), why=reason("bear.vm-starts"))
    plan = Plan(goal="start it", steps=(start,), based_on=digest(yard.engine.inventory))
    with pytest.raises(Conflict, match="two places"):
        yard.begin(plan)


def stopped(yard: Moved) -> Plan:
    steps = stop_borne(yard.engine.inventory, yard.profile)
    return Plan(goal="stop it", steps=steps, based_on=digest(yard.engine.inventory))


@pytest.mark.parametrize("operation", ["apply_identity", "withdraw_identity", "power_off_host",
                                       "create_vm", "start_vm"])  # fmt: skip
@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.UNREACHABLE])
def test_lost_answers_do_no_harm(yard: Moved, operation: str, kind: FaultKind) -> None:
    yard.world.inject(Fault(kind=kind, operation=operation))
    yard.moved(yard.to_vm())
    assert yard.bearer == VM


def test_a_move_that_fails_is_put_back_once(yard: Moved) -> None:
    """What starts as a VM never answers: the server has it again, by a plan of its own."""
    yard.deaf = VM
    run = yard.move(yard.to_vm(home=Home(server=FIRST)))
    assert yard.finish(run).state is RunState.FAILED
    assert yard.profile.vm == VM
    assert returned(yard) is RunState.DONE
    assert yard.bearer == FIRST
    yard.check_once()
    assert returned(yard) is None
    with yard.store.store.reading() as tx:
        told = [one for one in events.find(tx, Ask()).items if one.kind == "profile.put-back"]
    assert len(told) == 1
    yard.deaf = ""
    yard.moved(yard.to_vm(AGAIN))
    assert returned(yard) is None
    assert yard.bearer == AGAIN


def test_what_somebody_moved_since_is_not_put_back(yard: Moved) -> None:
    yard.deaf = VM
    run = yard.move(yard.to_vm(home=Home(server=FIRST)))
    assert yard.finish(run).state is RunState.FAILED
    yard.clock.advance(5)
    there = MoveProfile(profile=WEB, server=SECOND, leaving=Leaving(force=True), seen=SEEN)
    yard.moved(there)
    assert returned(yard) is None
    assert yard.bearer == SECOND


def test_a_server_that_does_not_answer_gives_it_back_to_a_vm(yard: Moved) -> None:
    yard.moved(yard.to_vm())
    yard.deaf = FIRST
    host = yard.where()[VM]
    run = yard.move(yard.to_server(home=Home(virtual=replace(yard.wish(AGAIN), host=host))))
    assert yard.finish(run).state is RunState.FAILED
    yard.restart()
    assert returned(yard) is RunState.DONE
    assert (yard.bearer, yard.where()[AGAIN]) == (AGAIN, host)
    yard.check_once()


def returned(yard: Moved) -> RunState | None:
    """Let whoever puts profiles back look anew; return what came of its plan, None for none."""
    with yard.store.store.reading() as tx:
        before = {one.id for one in runs.list_runs(tx, Ask()).items}
    Returning(yard.engine, yard.store, yard.clock).round()  # type: ignore[arg-type]
    with yard.store.store.reading() as tx:
        new = [one.id for one in runs.list_runs(tx, Ask()).items if one.id not in before]
    return yard.finish(new[0]).state if new else None


@pytest.mark.parametrize("back", [False, True])
def test_a_manager_that_dies_at_any_write_of_a_move_goes_on(tmp_path: Path, back: bool) -> None:
    def moved(folder: Path, crash_at: tuple[int, str]) -> Moved:
        folder.mkdir()
        yard = Moved(folder)
        yard.furnish()
        yard.finish(yard.begin(plan_assign(yard.engine.inventory, WEB, FIRST)))
        if back:
            yard.moved(yard.to_vm())
        run = yard.move(yard.to_server() if back else yard.to_vm())
        yard.store.writes, yard.store.crash_at = 0, crash_at
        assert yard.finish(run).state is RunState.DONE, yard.steps(run)
        assert (yard.bearer, yard.profile.epoch) == ((FIRST, 3) if back else (VM, 2))
        yard.check_once()
        yard.close()
        return yard

    writes = moved(tmp_path / "whole", (0, "")).store.writes
    for number in range(1, writes + 1):
        side = ("before", "after")[number % 2]
        assert moved(tmp_path / f"{number}", (number, side)).crashes == 1


def test_a_profile_with_disks_or_fc_of_a_server_can_be_no_vm(yard: Moved) -> None:
    inventory = yard.engine.inventory
    fc = ProfilePort(id="hba1", kind=AdapterKind.FC, address="50")
    some: tuple[dict[str, object], ...] = ({"image": "", "iscsi": ()}, {"ports": (fc,)})
    for changes in some:
        odd = replace(yard.profile, **changes)
        with pytest.raises(Conflict, match="no VM can be web"):
            yard.to_vm().plan(inventory.with_profile(odd), NO_RULES)


def test_where_no_host_has_room_nothing_is_stopped(yard: Moved) -> None:
    wish = yard.to_vm()
    large = replace(yard.wish().wish, memory_mib=1 << 30)
    with pytest.raises(NoPlan):
        replace(wish, virtual=replace(yard.wish(), wish=large)).plan(
            yard.engine.inventory, NO_RULES
        )
    assert yard.bearer == FIRST
