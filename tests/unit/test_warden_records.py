"""What lies on the datastore: whole or not at all, and one host wins."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from anypool.warden import sector
from anypool.warden.holdings import Holdings, Unreadable, next_of
from anypool.warden.record import Holding, Incarnation, Lease
from anypool.warden.sector import BYTES, Torn
from anypool.warden.tidying import EVERY_S, FREE_S, Tidying

LEASE = Lease(host="h1", boot="b1", epoch=3, sequence=9, name="one", watchdog="hardware")
H1, H2, H3 = (Incarnation(f"h{n}", "b", 1) for n in (1, 2, 3))


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "lease")
    assert sector.create(path, LEASE.encoded())
    assert Lease.decoded(sector.read(path)) == LEASE
    held = Holding("vm", 4, H1, H2)
    sector.overwrite(path, held.encoded())
    assert Holding.decoded(sector.read(path)) == held
    assert os.path.getsize(path) == BYTES
    assert sorted(os.listdir(tmp_path)) == ["lease"]


def test_torn_sector_is_no_record() -> None:
    before = LEASE.encoded()
    after = replace(LEASE, sequence=8, name="two").encoded()
    ends = before.rindex(b"}")
    for cut in (*range(0, ends, 7), 16, ends):
        torn = after[:cut] + before[cut:]
        if torn not in (before, after):
            with pytest.raises(Torn):
                Lease.decoded(torn)
        with pytest.raises(Torn):
            Lease.decoded(before[:cut])


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * BYTES, b"\xff" * BYTES, b"anypool-lease-2 2 x\n{}", Holding("v", 1).encoded()],
)
def test_what_is_no_lease_is_refused(content: bytes) -> None:
    with pytest.raises(Torn):
        Lease.decoded(content)


@pytest.mark.parametrize("said", [{"limit_s": -1}, {"epoch": "3"}, {"watchdog_s": 1e9}])
def test_lease_that_says_what_cannot_be_is_refused(said: dict[str, object]) -> None:
    raw = {"kind": "host", "host": "h", "boot": "b", "epoch": 1, "sequence": 1, **said}
    with pytest.raises(Torn):
        Lease.decoded(sector.encode(raw))


def test_field_of_a_later_version_is_passed_over() -> None:
    raw = {"kind": "host", "host": "h", "boot": "b", "epoch": 1, "sequence": 1, "new": "x"}
    assert Lease.decoded(sector.encode(raw)).host == "h"


def test_storage_without_direct_access_is_written_through_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, flags = os.open, []

    def refuse(path: str, how: int, mode: int = 0o777) -> int:
        flags.append(how)
        if how & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no direct access")
        return opened(path, how, mode)

    path = str(tmp_path / "lease")
    sector.create(path, LEASE.encoded())
    monkeypatch.setattr(os, "open", refuse)
    sector.overwrite(path, LEASE.encoded())
    assert flags[-1] & os.O_DSYNC


def test_file_appears_once_whoever_is_first(tmp_path: Path) -> None:
    won: list[int] = []
    gate = threading.Barrier(6)

    def race(number: int) -> None:
        gate.wait()
        if Holdings(str(tmp_path)).put(None, Holding("vm", 1, Incarnation(f"h{number}", "b", 1))):
            won.append(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    last = Holdings(str(tmp_path)).last("vm")
    assert last is not None
    assert last.owner is not None
    assert [f"h{n}" for n in won] == [last.owner.host]
    assert len(os.listdir(tmp_path / ".anypool-vms")) == 1


class TestChain:
    """Numbers only grow, so a host that was slow changes nothing."""

    def test_who_is_slow_by_one_loses(self, tmp_path: Path) -> None:
        holdings = Holdings(str(tmp_path))
        assert holdings.put(None, next_of(None, "vm", H1))
        stale = holdings.last("vm")
        assert holdings.put(stale, next_of(stale, "vm", None))
        assert not holdings.put(stale, next_of(stale, "vm", H2))
        assert holdings.last("vm") == Holding("vm", 2)

    def test_who_is_slow_by_many_loses_though_the_number_is_free_again(
        self, tmp_path: Path
    ) -> None:
        holdings = Holdings(str(tmp_path))
        holdings.put(None, next_of(None, "vm", H1))
        stale = holdings.last("vm")
        for owner in (None, H2, None, H3):
            last = holdings.last("vm")
            assert holdings.put(last, next_of(last, "vm", owner))
        assert not holdings.put(stale, next_of(stale, "vm", H1))
        assert holdings.last("vm") == Holding("vm", 5, H3)
        assert holdings.all() == ("vm",)
        assert len(os.listdir(holdings.folder)) == 1

    def test_who_builds_on_a_forgotten_record_loses(self, tmp_path: Path) -> None:
        holdings = Holdings(str(tmp_path))
        holdings.put(None, next_of(None, "vm", H1))
        last = holdings.last("vm")
        assert last is not None
        with pytest.raises(ValueError, match="holds it"):
            holdings.forget(last)
        assert holdings.put(last, next_of(last, "vm", None))
        free = holdings.last("vm")
        assert free is not None
        holdings.forget(free)
        assert (holdings.last("vm"), holdings.all()) == (None, ())
        assert holdings.put(None, next_of(None, "vm", H2))
        assert not holdings.put(free, next_of(free, "vm", H3)), "it read what stands no more"
        assert holdings.last("vm") == Holding("vm", 1, H2)

    def test_record_that_was_taken_meanwhile_is_not_forgotten(self, tmp_path: Path) -> None:
        holdings = Holdings(str(tmp_path))
        holdings.put(None, next_of(None, "vm", None))
        free = holdings.last("vm")
        assert free is not None
        holdings.put(free, next_of(free, "vm", H1))
        holdings.forget(free)
        assert holdings.last("vm") == Holding("vm", 2, H1)

    def test_only_what_nobody_held_for_long_is_forgotten(self, tmp_path: Path) -> None:
        holdings = Holdings(str(tmp_path))
        for vm, owner in (("gone", None), ("used", None), ("runs", H1)):
            holdings.put(None, next_of(None, vm, owner))
        tidying = Tidying(holdings)
        assert tidying.turn(0.0) == 0
        used = holdings.last("used")
        for owner in (H2, None):
            used = holdings.last("used")
            assert holdings.put(used, next_of(used, "used", owner))
        assert tidying.turn(FREE_S - 1) == 0
        assert tidying.turn(FREE_S) == 0, "it looks every hour"
        assert tidying.turn(FREE_S + EVERY_S) == 1
        assert holdings.all() == ("runs", "used")
        assert tidying.turn(2 * FREE_S + EVERY_S) == 1
        assert holdings.all() == ("runs",)

    def test_what_cannot_be_read_is_not_free(self, tmp_path: Path) -> None:
        holdings = Holdings(str(tmp_path))
        holdings.put(None, next_of(None, "vm", H1))
        (tmp_path / ".anypool-vms" / "vm.1").write_bytes(b"junk")
        with pytest.raises(Unreadable):
            holdings.last("vm")
