"""A vCenter that lies, breaks off, floods, sends elsewhere or forgets: an error, never a guess.

Whatever comes in its place is told as `Unreachable` or `Denied`, soon, names no password and
goes nowhere else; and when the vCenter is itself again, so is what we say of it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim

from anypool.errors import AnypoolError, Denied, OutcomeUnknown, Unreachable
from anypool.lab.vcsim import VcsimSpec
from anypool.model import VmState
from tests.contract.between import HUGE_BYTES, Mood
from tests.contract.vcenter import PASSWORD, Center, all_of, done

pytestmark = pytest.mark.vcsim

SOON_S = 10.0
LIES = tuple(mood for mood in Mood if mood is not Mood.HANGS)
PARTIAL = ("RetrievePropertiesEx",)
UPDATES = ("WaitForUpdatesEx",)


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    made = Center(tmp_path_factory.mktemp("vcenter"), VcsimSpec(hosts=2, vms=4))
    yield made
    made.close()


@pytest.fixture(scope="module")
def driver(center: Center) -> Iterator[Any]:
    """One connection for all: after each lie it is to work again."""
    made = center.driver()
    made.observe()
    yield made
    center.between.mood(None)
    made.close()


def fails(what: Callable[[], object]) -> AnypoolError:
    """Return the error that something ends with; it must come soon and say no secret."""
    begun = time.monotonic()
    with pytest.raises((Unreachable, Denied)) as caught:
        what()
    assert time.monotonic() - begun < SOON_S
    error = caught.value
    told: BaseException | None = error
    while told is not None:
        assert PASSWORD not in f"{told} {told!r} {getattr(told, 'hint', '')}"
        told = told.__cause__
    assert len(error.message) < 500
    return error


@pytest.mark.parametrize("mood", LIES)
def test_a_reading_of_what_is_no_answer_is_an_error(
    center: Center, driver: Any, mood: Mood
) -> None:
    with center.between.being(mood, *UPDATES), center.person() as root:
        change(root)  # so that a numbered answer comes
        if mood is Mood.EXPIRED:
            fails(driver.observe)
        else:
            assert isinstance(fails(driver.observe), Unreachable)
    assert len(driver.observe().vms) == 4


@pytest.mark.parametrize("mood", LIES)
def test_so_is_a_reading_of_some_vms(center: Center, driver: Any, mood: Mood) -> None:
    known = tuple(vm.id for vm in driver.observe().vms)
    with center.between.being(mood, *PARTIAL):
        fails(lambda: driver.observe_vms(known))
    frame = driver.observe_vms(known)
    assert (len(frame.vms), frame.missing) == (4, ())


@pytest.mark.parametrize("mood", LIES)
def test_nobody_is_logged_in_by_a_lie(center: Center, mood: Mood) -> None:
    with center.between.being(mood):
        fails(lambda: center.driver().observe())
    driver = center.driver()
    assert len(driver.observe().vms) == 4
    driver.close()


def test_credentials_go_nowhere_else(center: Center) -> None:
    """Where the login is answered with "go there", nobody goes there."""
    elsewhere = center.between.elsewhere
    for method in ("Login", "RetrieveServiceContent", "WaitForUpdatesEx"):
        with center.between.being(Mood.REDIRECT, method):
            fails(lambda: center.driver().observe())
    assert (elsewhere.visits, elsewhere.heard) == (0, b"")
    center.between.spoken.clear()
    center.driver().close()
    assert bytes(center.between.spoken).count(PASSWORD.encode()) == 1, "told once, to log in"


def test_a_proxy_of_the_environment_gets_nothing(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"http://127.0.0.1:{center.between.elsewhere.port}"
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, place)
    center.driver().close()
    assert center.between.elsewhere.visits == 0


def test_another_certificate_is_told_nothing(center: Center) -> None:
    from msgspec.structs import replace

    from anypool.drivers.registry import connect

    center.between.spoken.clear()
    wrong = replace(center.endpoint(), options=(("fingerprint", "00" * 32),))
    assert isinstance(fails(lambda: connect(wrong, PASSWORD)), Denied)
    nobody = replace(center.endpoint(), options=())
    assert isinstance(fails(lambda: connect(nobody, PASSWORD)), Denied)
    assert not center.between.spoken


def test_ten_megabytes_cost_little(center: Center, driver: Any) -> None:
    for mood in (Mood.HUGE, Mood.HUGE_XML):
        with center.between.being(mood, *UPDATES):
            spent = time.process_time()
            fails(driver.observe)
            assert time.process_time() - spent < 5, f"{HUGE_BYTES} bytes of {mood}"


def test_a_session_that_ended_is_begun_again_and_what_was_missed_is_said(center: Center) -> None:
    driver = center.driver()
    cursor = driver.changes("", 0.0).cursor
    with center.person() as root:
        victim = change(root)
        for session in root.sessionManager.sessionList:
            if session.key != root.sessionManager.currentSession.key:
                root.sessionManager.TerminateSession([session.key])
        found = driver.changes(cursor, 5.0)
        assert found.resync
        assert any(vm.memory_mib == victim.config.hardware.memoryMB for vm in driver.observe().vms)
    driver.close()


def test_a_vcenter_that_began_anew_is_read_anew(center: Center) -> None:
    driver = center.driver()
    before = {vm.id for vm in driver.observe().vms}
    cursor = driver.changes("", 0.0).cursor
    center.restart()
    found = driver.changes(cursor, 2.0)
    assert found.resync
    assert {vm.id for vm in driver.observe().vms} == before
    driver.close()


def test_events_that_do_not_come_hold_up_no_change(center: Center) -> None:
    """Who did it is not known then; what changed is, at once."""
    driver = center.driver()
    cursor = driver.changes("", 0.0).cursor
    with center.person() as root, center.between.being(Mood.HANGS, "QueryEvents"):
        for _ in range(3):
            change(root)
            begun = time.monotonic()
            found = driver.changes(cursor, 5.0)
            cursor = found.cursor
            assert found.vms
            assert not found.remarks
            assert driver.observe().vms
            assert time.monotonic() - begun < 1.5
    deadline = time.monotonic() + 10
    while not (said := driver.changes(cursor, 0.5).remarks):
        assert time.monotonic() < deadline, "what was asked for came in the end"
    assert said[0].vm
    driver.close()


def test_while_it_hangs_a_call_hangs_alone(center: Center, driver: Any) -> None:
    """Calls wait for their own deadline; when the vCenter goes on, they are answered."""
    with center.between.being(Mood.HANGS, *UPDATES):
        answered = threading.Event()
        looking = threading.Thread(target=lambda: (driver.observe(), answered.set()))
        looking.start()
        assert center.between.reached.wait(5)
        assert not answered.is_set()
    looking.join(10)
    assert answered.is_set()


def test_a_deed_without_an_answer_is_of_unknown_outcome(center: Center) -> None:
    """The session's own rule for deeds: not done twice, and not said to have failed."""
    from anypool.drivers.vsphere.connect import Session

    session = Session(center.endpoint(observe_only=False), PASSWORD)
    with center.person() as root:
        victim = all_of(root, vim.VirtualMachine)[0]
        mine = session.object(vim.VirtualMachine, victim._moId)
        center.between.calls.clear()
        for mood in (Mood.DONE_THEN_CUT, Mood.TRUNCATED, Mood.HTML, Mood.REDIRECT, Mood.BUSY):
            name = f"said-{mood}"
            spec = vim.vm.ConfigSpec(annotation=name)
            with center.between.being(mood, "ReconfigVM_Task"), pytest.raises(OutcomeUnknown):
                session.do("describe", lambda _, spec=spec: mine.ReconfigVM_Task(spec))
        assert center.between.calls["VirtualMachine.ReconfigVM_Task"] == 5, "it was tried again"
        assert victim.config.annotation in ("said-truncated", "said-done-then-cut")
    session.close()


def test_what_is_not_there_is_unknown_and_not_stopped(center: Center, driver: Any) -> None:
    with center.person() as root:
        host = all_of(root, vim.HostSystem)[0]
        done(host.DisconnectHost_Task())
        states = {vm.state for vm in driver.observe().vms if vm.host == _id_of(driver, host.name)}
        assert states <= {VmState.UNKNOWN}
        done(host.ReconnectHost_Task())


def _id_of(driver: Any, name: str) -> str:
    return next(str(host.id) for host in driver.observe().hosts if host.name == name)


def change(root: Any) -> Any:
    """Change something at a vCenter that a reading tells."""
    victim = all_of(root, vim.VirtualMachine)[0]
    megabytes = 64 if victim.config.hardware.memoryMB == 32 else 32
    done(victim.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=megabytes)))
    return victim
