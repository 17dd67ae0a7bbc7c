"""A host that loses its lease ends its VMs within the bound, and is not fed meanwhile."""

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import NoReturn

import pytest

import anypool.warden
from anypool.program import packed
from anypool.warden import sector
from anypool.warden.config import Config, Misconfigured
from anypool.warden.guests import Guest, guests, is_there, uses
from anypool.warden.holdings import Holdings, Unreadable
from anypool.warden.installing import Places, forget, remove, write
from anypool.warden.record import LEASE_PREFIX, Holding
from anypool.warden.tidying import FREE_S, Tidying
from anypool.warden.watchdog import kind_of
from tests.unit.warden_kit import LIMIT_S, VM, WATCHDOG_S, Hands, Host, be_quick, pass_


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_quick(monkeypatch)


@pytest.fixture
def host(tmp_path: Path, clock: Hands) -> Host:
    folder = tmp_path / "shared"
    folder.mkdir()
    made = Host("h1", folder, clock)
    pass_(clock, 6, made)
    made.start()
    return made


def fail(problem: Exception) -> NoReturn:
    raise problem


def lose_file(host: Host, patch: pytest.MonkeyPatch) -> None:
    (host.folder / f"{LEASE_PREFIX}id-h1").unlink()


def fail_writes(host: Host, patch: pytest.MonkeyPatch) -> None:
    def fail(path: str, content: bytes) -> None:
        raise OSError(30, "Read-only file system")

    patch.setattr(sector, "overwrite", fail)


def hang(host: Host, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(host.keeping, "turn", lambda: None)


@pytest.mark.parametrize("how", [lose_file, fail_writes, hang])
def test_lost_lease_ends_the_vms_within_the_limit(
    host: Host,
    clock: Hands,
    monkeypatch: pytest.MonkeyPatch,
    how: Callable[[Host, pytest.MonkeyPatch], None],
) -> None:
    how(host, monkeypatch)
    pass_(clock, LIMIT_S - 2, host)
    assert host.runs()
    pass_(clock, 2, host)
    assert not host.runs()


def test_next_life_begins_when_the_storage_is_back_and_nothing_runs(
    host: Host, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = host.keeping.lease
    with monkeypatch.context() as patch:
        fail_writes(host, patch)
        pass_(clock, LIMIT_S + 6, host)
    pass_(clock, 4, host)
    after = host.keeping.lease
    assert after.epoch == before.epoch + 1
    assert after.sequence > before.sequence
    host.start()


def test_vm_that_cannot_be_ended_is_left_to_the_watchdog(
    host: Host, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.warden.end = lambda those: None  # as with a process that waits for its disk for ever
    before = host.keeping.lease.epoch
    with monkeypatch.context() as patch:
        fail_writes(host, patch)
        pass_(clock, LIMIT_S + WATCHDOG_S - 4, host)
        assert host.runs()
        assert not host.dog.bites()
        pass_(clock, 4, host)
        assert host.dog.bites()
    pass_(clock, 6, host)
    assert host.keeping.lease.epoch == before, "what runs must not look as if it had ended"


def test_frozen_host_is_reset_within_the_bound_that_its_lease_promises(
    host: Host, clock: Hands
) -> None:
    lease = host.keeping.lease
    frozen_at = clock.now
    while not host.dog.bites():
        clock.now += 0.5
    assert clock.now - frozen_at <= WATCHDOG_S < lease.bound_s


def test_host_on_which_nothing_runs_is_not_reset(
    host: Host, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.stop()
    fail_writes(host, monkeypatch)
    pass_(
        clock, 10 * LIMIT_S, host, each=lambda: pytest.fail("reset") if host.dog.bites() else None
    )


def test_host_without_a_lease_yet_arms_no_watchdog(
    tmp_path: Path, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Host("h2", tmp_path, clock)
    fail_writes(made, monkeypatch)
    pass_(clock, 60, made)
    assert made.dog.fed_at is None


def test_thawed_warden_ends_vms_before_it_renews(host: Host, clock: Hands) -> None:
    before = host.keeping.lease
    clock.now += LIMIT_S + 1  # all stood still
    host.keeping.turn()
    assert host.keeping.lease == before
    host.warden.tick()
    assert not host.runs()
    pass_(clock, 4, host)
    assert host.keeping.lease.epoch == before.epoch + 1


@pytest.mark.parametrize("remembers", [True, False])
def test_warden_that_starts_again_goes_on_in_the_same_life(
    host: Host, clock: Hands, remembers: bool
) -> None:
    before = host.keeping.lease
    if not remembers:
        host.state.unlink()
    host.begin()
    pass_(clock, 4, host)
    after = host.keeping.lease
    assert (after.epoch, after.boot) == (before.epoch, before.boot)
    assert after.sequence > before.sequence
    assert host.runs()


def test_warden_that_starts_again_too_late_ends_the_vms(host: Host, clock: Hands) -> None:
    clock.now += LIMIT_S + 1
    host.begin()
    host.turn()
    assert not host.runs()


def test_second_warden_with_the_same_name_is_noticed(host: Host, clock: Hands) -> None:
    twin = Host("h1", host.folder, clock)
    twin.state.unlink(missing_ok=True)
    twin.turn()
    pass_(clock, 2, host)
    assert "another warden writes this lease" in host.keeping.told().problem


def test_what_ran_before_there_was_a_warden_is_held(tmp_path: Path, clock: Hands) -> None:
    h1, h2 = Host("h1", tmp_path, clock), Host("h2", tmp_path, clock)
    h1.guests.append(Guest(7, "1", VM))
    pass_(clock, 4, h1, h2)
    h1.warden.adopt(h1.keeping)
    with pytest.raises(Exception, match="host h1 holds it"):
        h2.start()


class TestThread:
    """The thread that renews a lease does not end while its process goes on."""

    @pytest.fixture
    def ended(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Future[None]]:
        """How `run` ends."""
        ended: Future[None] = Future()

        def run() -> None:
            try:
                host.warden.run()
            except RuntimeError as problem:
                ended.set_exception(problem)
            else:
                ended.set_result(None)

        thread = threading.Thread(target=run, daemon=True)
        monkeypatch.setattr(host.keeping, "turn", lambda: fail(RuntimeError("unforeseen")))
        thread.start()
        yield ended
        host.warden.stop()
        thread.join(10)

    def test_what_nobody_foresaw_ends_the_process(self, ended: Future[None]) -> None:
        with pytest.raises(RuntimeError, match="unforeseen"):
            ended.result(10)

    def test_old_records_that_cannot_be_listed_do_not(
        self, host: Host, clock: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tidying = Tidying(Holdings(str(host.folder)))
        host.stop()
        tidying.turn(clock.now)
        monkeypatch.setattr(Holdings, "_numbers", lambda *_: fail(Unreadable("EIO")))
        monkeypatch.setattr(Tidying, "_last", lambda self, vm: Holding(vm, 2))
        host.warden._tidy(tidying, str(host.folder))
        clock.now += FREE_S
        host.warden._tidy(tidying, str(host.folder))


class TestWatchdogKind:
    """What is no hardware is not called so."""

    @pytest.fixture
    def sysfs(self, tmp_path: Path) -> Path:
        tmp_path = tmp_path / "sys"
        for kind, name in (("pci0000:00/0000:00:04.0", "watchdog0"), ("virtual", "watchdog1")):
            real = tmp_path / "devices" / kind / "watchdog" / name
            real.mkdir(parents=True)
            (real / "state").write_text("active\n")
            if kind != "virtual":
                (real / "device").mkdir()
            (tmp_path / "class/watchdog").mkdir(parents=True, exist_ok=True)
            (tmp_path / "class/watchdog" / name).symlink_to(real)
        return tmp_path / "class/watchdog"

    def test_device_with_hardware_behind_it(self, sysfs: Path) -> None:
        assert kind_of("/dev/watchdog0", "i6300ESB timer", str(sysfs)) == "hardware"
        assert kind_of("/dev/watchdog", "i6300ESB timer", str(sysfs)) == "hardware"

    def test_softdog(self, sysfs: Path) -> None:
        assert kind_of("/dev/watchdog1", "Software Watchdog", str(sysfs)) == "software"
        assert kind_of("/dev/watchdog0", "Software Watchdog", str(sysfs)) == "software"

    def test_one_whose_driver_tells_nothing_of_the_hardware_it_is_bound_to(
        self, sysfs: Path
    ) -> None:
        driver = sysfs.parent.parent / "bus/pci/drivers/i6300ESB timer"
        driver.mkdir(parents=True)
        assert kind_of("/dev/watchdog1", "i6300ESB timer", str(sysfs)) == "software"
        (driver / "module").mkdir()
        assert kind_of("/dev/watchdog1", "i6300ESB timer", str(sysfs)) == "software"
        (driver / "0000:00:04.0").mkdir()
        assert kind_of("/dev/watchdog1", "i6300ESB timer", str(sysfs)) == "hardware"
        assert kind_of("/dev/watchdog1", "Software Watchdog", str(sysfs)) == "software"
        assert kind_of("/dev/watchdog1", "../pci/i6300ESB timer", str(sysfs)) == "software"
        assert kind_of("/dev/watchdog1", "", str(sysfs)) == "software"

    def test_one_that_is_not_armed_or_not_there(self, sysfs: Path) -> None:
        (sysfs / "watchdog0" / "state").write_text("inactive\n")
        assert kind_of("/dev/watchdog0", "i6300ESB timer", str(sysfs)) == "software"
        assert kind_of("/dev/watchdog7", "i6300ESB timer", str(sysfs)) == "software"


def test_process_table_is_read(tmp_path: Path) -> None:
    proc = tmp_path / "7"
    (proc / "fd").mkdir(parents=True)
    fields = " ".join(["S", *(["0"] * 18), "4711", "0"])
    (proc / "stat").write_text(f"7 (qemu (x) y) {fields}")
    words = ["/usr/bin/qemu-system-x86_64", "-uuid", VM, "-blockdev", '{"filename":"/ds/a"}']
    (proc / "cmdline").write_bytes("\0".join(words).encode())
    (proc / "fd" / "9").symlink_to("/other/b.qcow2")
    (found,) = guests(str(tmp_path))
    assert found == Guest(7, "4711", VM)
    assert uses(found, "/ds", str(tmp_path))
    assert uses(found, "/other/", str(tmp_path))
    assert not uses(found, "/oth", str(tmp_path))
    for strange in ("../../etc/x", "a" * 5000):  # as anybody may call a process of theirs
        (proc / "cmdline").write_bytes("\0".join(words).replace(VM, strange).encode())
        assert guests(str(tmp_path)) == (Guest(7, "4711", ""),)
    (proc / "stat").write_text(f"7 (qemu) {fields.replace('S', 'Z', 1)}")
    assert guests(str(tmp_path)) == ()
    assert not is_there(found, str(tmp_path))


class TestOnTheHost:
    """One file, which needs nothing and leaves nothing."""

    def test_every_module_is_python_3_9_and_imports_only_its_own(self) -> None:
        for path in Path(anypool.warden.__file__).parent.glob("*.py"):
            tree = ast.parse(path.read_text(), feature_version=(3, 9))
            for node in ast.walk(tree):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                for name in names:
                    known = name.split(".")[0] in sys.stdlib_module_names
                    assert known or name.startswith("anypool.warden"), (path.name, name)

    def test_it_runs_alone(self, tmp_path: Path) -> None:
        program = tmp_path / "anypool-warden"
        program.write_bytes(packed("anypool.warden"))
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(program), "--help"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "uninstall" in done.stdout
        assert packed("anypool.warden") == packed("anypool.warden")

    def test_what_was_written_is_taken_away(self, tmp_path: Path) -> None:
        (tmp_path / "etc/libvirt/hooks").mkdir(parents=True)
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        places = Places(str(tmp_path))
        write(Config(host="h1", datastores={"d": "/srv/d"}), b"#!", places)
        assert os.access(places.hook, os.X_OK)
        assert Config.read(places.config).datastores == {"d": "/srv/d"}
        remove(places)
        assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
        assert os.listdir(tmp_path / "etc/libvirt/hooks") == []

    def test_uninstalled_host_holds_nothing(self, host: Host, clock: Hands) -> None:
        forget(Config(host="id-h1", datastores={"ds": str(host.folder)}))
        other = Host("h2", host.folder, clock)
        pass_(clock, 4, other)
        other.start()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"host": ""},
            {"datastores": {}},
            {"limit_s": 4.0},
            {"watchdog_s": 60},
            {"renew_s": 0.0},
        ],
    )
    def test_lengths_of_time_that_cannot_hold_are_refused(self, wrong: dict[str, object]) -> None:
        raw: dict[str, object] = {"host": "h", "datastores": {"d": "/d"}, **wrong}
        with pytest.raises(Misconfigured):
            Config(**raw).check()  # type: ignore[arg-type]
