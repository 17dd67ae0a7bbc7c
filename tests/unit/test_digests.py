"""Reading volumes: in the driver's background, and who asks for it."""

import hashlib
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from anypool.clock import ManualClock
from anypool.drivers.digests import ABANDONED_S, MIB, MOST, Digests
from anypool.engine.observing.digests import RETRY_S, Readers
from anypool.engine.observing.observe import Observer
from anypool.errors import AnypoolError, Busy, NotFound, Unreachable
from anypool.model import (
    Capability,
    DatastoreId,
    Digest,
    DigestOrder,
    EndpointId,
    Host,
    HostId,
    HostState,
    Inventory,
    JobState,
    Place,
)

STORE = DatastoreId("d")
PLACE: Place = (STORE, "v")


class Content:
    """A volume whose chunks come when the test lets them."""

    def __init__(self, *chunks: bytes | int, size: int | None = None) -> None:
        self._chunks = chunks
        self._size = size
        self.stamps = ["s", "s"]
        self.gate = threading.Semaphore(0)
        self.closed = threading.Event()

    def stamp(self) -> str:
        return self.stamps.pop(0)

    def size_bytes(self) -> int:
        lengths = (one if isinstance(one, int) else len(one) for one in self._chunks)
        return sum(lengths) if self._size is None else self._size

    def chunks(self) -> Iterator[bytes | int]:
        for chunk in self._chunks:
            assert self.gate.acquire(timeout=10)
            yield chunk

    def close(self) -> None:
        self.closed.set()


def order(job: str = "j", volume: str = "v", limit: int = 0) -> DigestOrder:
    return DigestOrder(datastore=STORE, volume=volume, job=job, limit_mib_s=limit)


def sha(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def opened(digests: Digests, content: Content, chunks: int, job: str = "j") -> Digest:
    for _ in range(chunks):
        content.gate.release()
    return digests.ask(order(job), 10.0 if chunks else 0.0)


def test_a_reading_goes_on_by_itself_and_says_how_far_it_is() -> None:
    content = Content(b"abc", 2 * MIB + 5, b"de")
    digests = Digests(lambda *_: content)
    assert digests.ask(order(), 0.0).state is JobState.RUNNING
    answer = opened(digests, content, 3)
    assert answer.state is JobState.DONE
    assert answer.digest == sha(b"abc" + bytes(2 * MIB + 5) + b"de")
    assert (answer.stamp, answer.bytes_total) == ("s", 2 * MIB + 10)
    assert content.closed.is_set()
    assert digests.ask(order(), 0.0) == answer, "the same job is not read again"


def test_progress_is_there_in_the_middle() -> None:
    content = Content(b"x" * 10, b"y" * 30)
    digests = Digests(lambda *_: content)
    digests.ask(order(), 0.0)
    content.gate.release()
    while (seen := digests.ask(order(), 0.01)).bytes_total == 0:
        pass
    assert (seen.state, seen.bytes_total, seen.bytes_left) == (JobState.RUNNING, 40, 30)
    digests.close()
    content.gate.release()
    assert content.closed.wait(10)


def test_another_job_reads_it_again() -> None:
    contents = [Content(b"1"), Content(b"2")]
    digests = Digests(lambda *_: contents.pop(0))
    first, second = contents
    assert opened(digests, first, 1).digest == sha(b"1")
    assert opened(digests, second, 1, "k").digest == sha(b"2")


def test_what_is_written_to_meanwhile_has_no_digest() -> None:
    content = Content(b"1")
    content.stamps = ["s1", "s2"]
    answer = opened(Digests(lambda *_: content), content, 1)
    assert (answer.state, answer.digest) == (JobState.FAILED, "")
    assert "written to" in answer.message


def test_a_volume_that_is_not_there_is_a_failed_reading() -> None:
    def nothing(*_: object) -> Content:
        raise NotFound("there is no volume v")

    answer = Digests(nothing).ask(order(), 10.0)
    assert (answer.state, answer.message) == (JobState.FAILED, "there is no volume v")


def test_a_driver_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def broken(*_: object) -> Content:
        raise ZeroDivisionError

    assert "ZeroDivisionError" in Digests(broken).ask(order(), 10.0).message


def test_only_so_many_are_read_at_once_and_the_abandoned_make_room() -> None:
    now = [0.0]
    made: list[Content] = []

    def open_(*_: object) -> Content:
        made.append(Content(b"1", b"2"))
        return made[-1]

    digests = Digests(open_, now=lambda: now[0])
    for number in range(MOST):
        digests.ask(order(volume=f"v{number}"), 0.0)
    with pytest.raises(Busy):
        digests.ask(order(), 0.0)
    now[0] += ABANDONED_S + 1
    assert digests.ask(order(), 0.0).state is JobState.RUNNING
    digests.close()
    for content in tuple(made):
        content.gate.release(2)
        assert content.closed.wait(10)


def test_a_reading_is_no_faster_than_it_may_be() -> None:
    content, now = Content(*[bytes(MIB)] * 4), [0.0]
    digests = Digests(lambda *_: content, now=lambda: now[0])
    waited: list[float] = []
    digests.ask(order(limit=2), 0.0)
    job = digests._jobs[PLACE]

    def wait(seconds: float | None = None) -> bool:
        waited.append(seconds or 0.0)
        now[0] += seconds or 0.0
        return False

    job.stop.wait = wait  # type: ignore[method-assign]
    content.gate.release(4)
    assert digests.ask(order(limit=2), 10.0).state is JobState.DONE
    assert sum(waited) == pytest.approx(2.0), "four MiB at two MiB/s"


class Stage:
    """Endpoints, hosts that see the datastore, and a driver that says what the test wants."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.answers: list[Digest | AnypoolError] = []
        self.asked: list[tuple[str, DigestOrder]] = []
        self.done: list[tuple[Place, Digest]] = []
        self.clock = ManualClock()
        self.leading = True
        self.waiting: list[Any] = []
        self.readers = Readers(cast(Observer, self), self.clock, 50, leads=lambda: self.leading)
        self.readers.submit = self.waiting.append
        self.readers.done = lambda place, digest: self.done.append((place, digest))

    def host(self, name: str, **more: Any) -> None:
        known: dict[str, Any] = {
            "state": HostState.UP,
            "capabilities": frozenset({Capability.DIGEST}),
            "datastores": frozenset({STORE}),
        }
        host = Host(id=HostId(name), name=name, endpoint=EndpointId(name), **known | more)
        self.inventory = self.inventory.with_host(host)

    def driver(self, endpoint: str) -> Any:
        self.endpoint = endpoint
        return self

    def digest(self, order: DigestOrder, wait_s: float) -> Digest:
        self.asked.append((self.endpoint, order))
        answer = self.answers.pop(0)
        if isinstance(answer, AnypoolError):
            raise answer
        return answer

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def told(self) -> tuple[str, str]:
        found = self.readers.of(PLACE)
        return ("", "") if found is None else (found.state, found.message)


DONE = Digest(state=JobState.DONE, digest=sha(b""))


def test_a_reading_is_followed_to_its_end() -> None:
    stage = Stage()
    stage.host("h1")
    stage.readers.want([PLACE])
    stage.readers.want([PLACE])
    assert (len(stage.waiting), stage.told()) == (1, ("waiting", ""))
    stage.answers = [Digest(state=JobState.RUNNING, bytes_total=9, bytes_left=n) for n in (5, 2)]
    stage.answers.append(DONE)
    stage.run()
    assert stage.done == [(PLACE, DONE)]
    assert stage.told() == ("", "")
    assert len({asked.job for _, asked in stage.asked}) == 1
    assert stage.asked[0][1].limit_mib_s == 50


def test_the_next_endpoint_is_asked_and_then_it_is_tried_again_later() -> None:
    stage = Stage()
    stage.host("h1")
    stage.host("h2")
    stage.answers = [Unreachable("no"), Unreachable("never")]
    stage.readers.want([PLACE])
    stage.run()
    assert [endpoint for endpoint, _ in stage.asked] == ["h1", "h2"]
    assert stage.told() == ("failed", "never")
    stage.readers.want([PLACE])
    assert not stage.waiting, "not yet"
    stage.readers.want([PLACE], at_once=True)
    stage.answers = [Unreachable("no"), DONE]
    stage.run()
    assert stage.done == [(PLACE, DONE)]
    stage.answers = [Unreachable("no"), Unreachable("never")]
    stage.readers.want([PLACE])
    stage.run()
    stage.clock.advance(RETRY_S)
    stage.readers.want([PLACE])
    assert stage.waiting


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"state": HostState.UNKNOWN}, "no host that sees its datastore answers"),
        ({"capabilities": frozenset(), "observe_only": True}, "observe-only"),
        ({"capabilities": frozenset()}, "no platform"),
    ],
)
def test_why_nobody_can_read_it(more: dict[str, Any], why: str) -> None:
    stage = Stage()
    stage.host("h1", **more)
    stage.readers.want([PLACE])
    stage.run()
    state, message = stage.told()
    assert state == "failed"
    assert why in message
    assert not stage.asked


def test_a_reading_that_stands_still_is_given_up() -> None:
    stage = Stage()
    stage.host("h1")
    still = Digest(state=JobState.RUNNING, bytes_total=9, bytes_left=9)

    def digest(order: DigestOrder, wait_s: float) -> Digest:
        stage.clock.advance(60)
        return still

    stage.digest = digest  # type: ignore[method-assign]
    stage.readers.want([PLACE])
    stage.run()
    assert stage.told() == ("failed", "the reading does not go on")


def test_what_is_not_wanted_any_more_is_dropped() -> None:
    stage = Stage()
    stage.host("h1")
    stage.readers.want([PLACE])
    stage.readers.keep(frozenset())
    stage.answers = [Digest(state=JobState.RUNNING, bytes_left=1)]
    stage.run()
    assert (stage.done, stage.told()) == ([], ("", ""))
    stage.readers.want([PLACE])
    stage.leading = False
    stage.answers = [DONE]
    stage.run()
    assert stage.done == [], "another manager leads"
