"""No VM starts on two hosts that ask the hook, whoever wants it: managers, virsh, autostart."""

from pathlib import Path

import pytest

from anypool.warden import hook
from anypool.warden.config import Misconfigured
from anypool.warden.deciding import Here, check
from anypool.warden.guests import Guest
from anypool.warden.holdings import Holdings, Refused
from anypool.warden.hook import NAMESPACE, Asked
from anypool.warden.record import LEASE_PREFIX
from tests.unit.warden_kit import LIMIT_S, VM, WATCHDOG_S, Hands, Host, be_quick, pass_

BOUND_S = LIMIT_S + WATCHDOG_S + 5


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    be_quick(monkeypatch)
    made = tmp_path / "shared"
    made.mkdir()
    return made


@pytest.fixture
def hosts(folder: Path, clock: Hands) -> tuple[Host, Host]:
    made = Host("h1", folder, clock), Host("h2", folder, clock)
    pass_(clock, 6, *made)
    return made


def proven(host: Host) -> str:
    """The words of a manager that proved a host dead, as it stands now."""
    lease = host.keeping.lease
    return (
        f"<metadata><w:proofs xmlns:w='{NAMESPACE}'>"
        f"<w:proven host='{lease.host}' boot='{lease.boot}' "
        f"epoch='{lease.epoch}' sequence='{lease.sequence}'/></w:proofs></metadata>"
    )


def test_vm_starts_on_one_host(hosts: tuple[Host, Host]) -> None:
    h1, h2 = hosts
    h1.start()
    with pytest.raises(Refused, match="host h1 holds it"):
        h2.start()
    h1.stop()
    h2.start()
    with pytest.raises(Refused, match="host h2 holds it"):
        h1.start()


def test_refused_start_lets_go_of_nothing(hosts: tuple[Host, Host]) -> None:
    h1, h2 = hosts
    h1.start()
    with pytest.raises(Refused):
        h2.start()
    h2.ask("release")  # as libvirt does after every failed start
    with pytest.raises(Refused):
        h2.start()


def test_vm_of_another_folder_needs_no_record(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    h1, h2 = hosts
    for host in hosts:
        host.ask("prepare", folder=str(tmp_path / "local"))
    assert Holdings(str(h1.folder)).all() == ()
    assert h2.guests == []


def test_vm_with_a_volume_of_a_pool_starts_on_one_host(hosts: tuple[Host, Host]) -> None:
    h1, h2 = hosts
    (h1.folder / "a.qcow2").touch()
    disk = "<disk type='volume'><source pool='p' volume='a.qcow2'/></disk>"
    described = f"<domain><uuid>{VM}</uuid><devices>{disk}</devices></domain>"
    question = Asked(["web1", "prepare", "begin", "-"], described)
    h1.gate.answer(question)
    with pytest.raises(Refused, match="host h1 holds it"):
        h2.gate.answer(question)


def test_nothing_starts_without_a_warden_or_a_fresh_lease(
    hosts: tuple[Host, Host], clock: Hands
) -> None:
    h1, h2 = hosts
    clock.now += LIMIT_S * 0.8
    with pytest.raises(Refused, match="does not hold its lease"):
        h1.start()
    h2.state.unlink()
    with pytest.raises(Misconfigured, match="no warden has run"):
        h2.start()


def test_nothing_starts_where_the_warden_was_stopped(
    hosts: tuple[Host, Host], clock: Hands
) -> None:
    h1, h2 = hosts
    h1.warden.stop()
    assert h1.dog.fed_at is None
    with pytest.raises(Refused, match="does not hold its lease"):
        h1.start()
    h2.start()
    fed = h2.dog.fed_at
    h2.warden.stop()
    assert h2.dog.fed_at == fed, "a VM is left"


def test_vm_that_starts_while_the_warden_stops_is_left_to_the_watchdog(
    hosts: tuple[Host, Host], clock: Hands
) -> None:
    h1, _ = hosts
    looks = iter([(), (Guest(9, "1", VM),)])
    h1.warden.look = lambda: next(looks)
    h1.warden.stop()
    assert h1.dog.fed_at is not None


def test_lease_that_ran_out_is_over_only_with_a_hardware_watchdog(
    folder: Path, clock: Hands
) -> None:
    for kind, frees in (("hardware", True), ("stand-in", False), ("software", False)):
        h1, h2 = Host(f"a-{kind}", folder, clock, kind=kind), Host(f"b-{kind}", folder, clock)
        vm = f"{VM}-{kind}"
        pass_(clock, 6, h1, h2)
        h1.start(vm=vm)
        pass_(clock, BOUND_S - 4, h2)  # h1 stands still
        with pytest.raises(Refused):
            h2.start(vm=vm)
        pass_(clock, 6, h2)
        if frees:
            h2.start(vm=vm)
        else:
            with pytest.raises(Refused, match=f"watchdog {kind}"):
                h2.start(vm=vm)


def test_proof_of_a_manager_frees_what_stands_still_and_nothing_else(
    hosts: tuple[Host, Host], clock: Hands
) -> None:
    h1, h2 = hosts
    h1.start()
    words = proven(h1)
    with pytest.raises(Refused):
        h2.start(more=words)  # seen just now: it may be renewed at any moment
    pass_(clock, 2, h1, h2)
    pass_(clock, 12, h2)
    with pytest.raises(Refused):
        h2.start(more=words)  # it was renewed after the proof
    h2.start(more=proven(h1))


def test_host_that_boots_again_frees_what_it_had(hosts: tuple[Host, Host], clock: Hands) -> None:
    h1, h2 = hosts
    h1.start()
    h1.boot()
    pass_(clock, 8, h1, h2)
    h2.start()
    with pytest.raises(Refused):
        h1.start()


def test_boot_that_nobody_has_seen_yet_is_no_sign_that_it_is_over(
    hosts: tuple[Host, Host], clock: Hands
) -> None:
    h1, h2 = hosts
    h1.boot()
    pass_(clock, 8, h1)
    h1.start()
    with pytest.raises(Refused, match="host h1 holds it"):
        h2.start()  # what its warden told last is of the boot before


def test_lease_that_is_torn_or_gone_frees_nothing(hosts: tuple[Host, Host], clock: Hands) -> None:
    h1, h2 = hosts
    h1.start()
    lease = h1.folder / f"{LEASE_PREFIX}id-h1"
    lease.write_bytes(b"torn")
    pass_(clock, 2 * BOUND_S, h2)
    with pytest.raises(Refused, match="nothing is known"):
        h2.start(more=proven(h1))
    lease.unlink()
    pass_(clock, 2 * BOUND_S, h2)
    with pytest.raises(Refused, match="nothing is known"):
        h2.start(more=proven(h1))


def held_up(host: Host, other: Host, clock: Hands, seconds: int = 24) -> None:
    """Let the hook allow a start, and the storage hold it up for so long; the lease is lost."""
    host.ask("prepare")
    host.ask("start")
    pass_(clock, seconds, other, each=host.warden.tick)


class TestSlowStart:
    """libvirt may be held up by the storage after the hook let a VM start."""

    @pytest.mark.parametrize("claims_first", [True, False])
    def test_process_that_comes_when_another_host_has_the_vm_is_ended(
        self, hosts: tuple[Host, Host], clock: Hands, claims_first: bool
    ) -> None:
        h1, h2 = hosts
        held_up(h1, h2, clock, 40)
        h2.start()
        if claims_first:
            pass_(clock, 4, h1, h2)
        h1.guests.append(Guest(9, "1", VM))
        pass_(clock, 4, h1, h2)
        assert not h1.runs()
        assert h2.runs()

    def test_process_that_comes_while_the_lease_is_lost_is_ended(
        self, hosts: tuple[Host, Host], clock: Hands
    ) -> None:
        h1, h2 = hosts
        held_up(h1, h2, clock)
        h1.guests.append(Guest(9, "1", VM))
        h1.warden.tick()
        assert not h1.runs()

    def test_process_that_comes_in_the_next_life_is_held(
        self, hosts: tuple[Host, Host], clock: Hands
    ) -> None:
        h1, h2 = hosts
        held_up(h1, h2, clock)
        pass_(clock, 4, h1, h2)
        h1.guests.append(Guest(9, "1", VM))
        pass_(clock, 4, h1, h2)
        assert h1.runs()
        with pytest.raises(Refused, match="host h1 holds it"):
            h2.start()

    def test_what_the_hook_is_not_told_of_is_not_ended(
        self, hosts: tuple[Host, Host], clock: Hands
    ) -> None:
        h1, h2 = hosts
        h1.start()  # as if adopted for its firmware's file, which is no disk
        h2.ask("prepare", folder="/elsewhere")
        h2.ask("start", folder="/elsewhere")
        h2.guests.append(Guest(9, "1", VM))
        pass_(clock, 4, h1, h2)
        assert h2.runs()

    @pytest.mark.parametrize(("idle_s", "then_s"), [(0, 0), (14, 6)])
    def test_answer_holds_only_if_the_lease_was_not_lost_meanwhile(
        self,
        hosts: tuple[Host, Host],
        clock: Hands,
        monkeypatch: pytest.MonkeyPatch,
        idle_s: float,
        then_s: float,
    ) -> None:
        h1, _ = hosts

        def slow(holdings: Holdings, vm: str, here: Here) -> None:
            clock.now += 16 - idle_s / 2
            pass_(clock, then_s, *([h1] if then_s else []))
            check(holdings, vm, here)

        monkeypatch.setattr(hook, "check", slow)
        clock.now += idle_s
        with pytest.raises(Refused, match="lease"):
            h1.start()


class TestMigration:
    """The VM is its owner's and its heir's until one of them is rid of it."""

    def test_it_is_handed_over(self, hosts: tuple[Host, Host], folder: Path, clock: Hands) -> None:
        h1, h2 = hosts
        third = Host("h3", folder, clock)
        pass_(clock, 6, *hosts, third)
        h1.start()
        h2.ask("migrate")
        h2.start()
        with pytest.raises(Refused):
            third.start()
        h1.stop()
        with pytest.raises(Refused, match="host h2 holds it"):
            h1.start()
        last = Holdings(str(folder)).last(VM)
        assert last is not None
        assert last.owner == h2.keeping.lease.incarnation
        assert last.heir is None
        h2.stop()
        third.start()

    def test_one_that_failed_stays_its_owners(self, hosts: tuple[Host, Host]) -> None:
        h1, h2 = hosts
        h1.start()
        h2.ask("migrate")
        h2.start()
        h2.stop()
        with pytest.raises(Refused, match="host h1 holds it"):
            h2.start()

    def test_announcement_is_for_one_start_and_not_for_long(
        self, hosts: tuple[Host, Host], clock: Hands
    ) -> None:
        h1, h2 = hosts
        h1.start()
        h2.ask("migrate")  # and libvirt fails before it begins
        pass_(clock, 12, h1, h2)
        with pytest.raises(Refused, match="host h1 holds it"):
            h2.start()
        h2.ask("migrate")
        h2.ask("prepare")
        with pytest.raises(Refused, match="host h1 holds it"):
            h2.start()

    def test_source_that_dies_leaves_it_to_both(
        self, hosts: tuple[Host, Host], folder: Path, clock: Hands
    ) -> None:
        h1, h2 = hosts
        third = Host("h3", folder, clock)
        pass_(clock, 6, *hosts, third)
        h1.start()
        h2.ask("migrate")
        h2.start()
        pass_(clock, BOUND_S + 4, h2, third)
        with pytest.raises(Refused, match="host h2 holds it"):
            third.start()
        h2.stop()
        third.start()
