"""Notifications: what is told, what becomes one letter, and that no death loses one."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.clock import ManualClock
from anypool.engine.notifying import postman as module
from anypool.engine.notifying import sending, texts
from anypool.engine.notifying.letters import ALIKE, Before, wanted, written
from anypool.engine.notifying.postman import FIRST_S, Postman
from anypool.errors import Rejected, Unreachable
from anypool.model import Inventory, Mail, Notification, NotificationId
from anypool.settings import Settings
from anypool.store import Store, events, notify, retention, secrets
from anypool.store.notify import Letter
from anypool.store.records import EventRecord, Severity

OPS = NotificationId("ops")
MAIL = Mail(server="mail.example", to=("ops@example.org",), sender="anypool@example.org")
RULE = Notification(id=OPS, receiver=MAIL, at_once=2, window_s=60.0)


def event(number: int = 1, kind: str = "host.away", **more: Any) -> EventRecord:
    given = {"severity": Severity.ERROR, "message": f"h{number} is silent", **more}
    return EventRecord(kind=kind, number=number, at=1e9, **given)


def letters_of(found: list[EventRecord], before: Before = Before(), now: float = 0.0) -> list[Any]:  # noqa: B008
    ids = iter(range(1000))
    return list(written(RULE, found, before, now, lambda: f"msg_{next(ids)}"))


# What is told


def test_severity_filter_and_never_its_own_trouble() -> None:
    own = event(3, "notify.failing", subject_kind="notification", subject_id="ops")
    other = event(4, "notify.failing", subject_kind="notification", subject_id="other")
    found = [event(1), event(2, severity=Severity.INFO), own, other]
    assert [one.number for one in wanted(RULE, found, Inventory(), 0.0)] == [1, 4]
    picky = Notification(id=OPS, receiver=MAIL, filter="event where kind = host.away")
    assert [one.number for one in wanted(picky, found, Inventory(), 0.0)] == [1]


def test_many_alike_become_one() -> None:
    made = letters_of([event(n) for n in range(1, 315)])
    assert [one.count for one in made] == [1, 1, 312]
    assert [one.due_at for one in made] == [0.0, 0.0, 60.0]
    assert texts.line(made[2]) == "h3 is silent, and 311 more"
    assert len(made[2].more) == ALIKE
    assert "and 301 more" in texts.body(made[2], "manager")
    assert texts.subject(made[2]) == "[anypool] error: h3 is silent, and 311 more"


def test_other_kinds_are_not_kept_waiting() -> None:
    found = [event(n) for n in range(1, 9)] + [event(9, "vm.failed")]
    assert [(one.kind, one.count) for one in letters_of(found)][-1] == ("vm.failed", 1)


def test_to_a_receiver_that_fails_all_alike_are_one() -> None:
    made = letters_of([event(n) for n in range(1, 9)], Before(failing=True))
    assert [one.count for one in made] == [8]
    again = Before(failing=True, gathering={"host.away": made[0]})
    assert [(one.id, one.count) for one in letters_of([event(9)], again)] == [(made[0].id, 9)]


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(0, 40), st.booleans())
def test_every_event_is_in_exactly_one_letter(kinds: str, cut: int, failing: bool) -> None:
    """However events come in parts, each is counted once."""
    found = [event(n, kind) for n, kind in enumerate(kinds, start=1)]
    ids = iter(range(1000))
    known: dict[str, Letter] = {}
    for part in (found[:cut], found[cut:]):
        lately = {k: sum(one.kind == k for one in known.values()) for k in "abc"}
        gathering = {one.kind: one for one in known.values() if one.gathers}
        before = Before(lately=lately, gathering=gathering, failing=failing)
        for one in written(RULE, part, before, 0.0, lambda: str(next(ids))):
            known[one.id] = one
    assert sum(one.count for one in known.values()) == len(found)
    for kind in "abc":
        assert sum(one.kind == kind for one in known.values()) <= RULE.at_once + 1


# How it is written


def test_a_signature_of_the_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    key = sending.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    got = sending.signature(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert got == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_syslog_of_rfc_5424() -> None:
    nasty = event(7, message="h1\nis <13>silent", subject_kind="host", subject_id="h1")
    letter = letters_of([nasty])[0]
    frame = sending.frame(letter, "manager").decode()
    assert frame.startswith("<27>1 2001-09-09T01:46:40.000Z manager anypool ")
    assert ' host.away [origin software="anypool" swVersion=' in frame
    assert (
        '[meta sequenceId="7"] \ufeffh1 is <13>silent (delivery msg_0, event 7, host h1)' in frame
    )
    assert "\n" not in frame


def test_a_name_cannot_add_a_header() -> None:
    letter = letters_of([event(1, message="h1\r\nBcc: all@example.org")])[0]
    assert texts.subject(letter) == "[anypool] error: h1 Bcc: all@example.org"
    assert json.loads(json.dumps(texts.value(letter)))["data"]["message"].startswith("h1\r\n")


# That nothing is lost


class Death(BaseException):
    """The manager is gone at this point."""


class Site:
    """A postman on a real database whose receiver is a list; it may die at any moment."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.settings = Settings(state_dir=str(folder), notify_give_up_h=1.0)
        self.store = Store.open(f"sqlite:///{folder}/anypool.db", clock=self.clock)
        self.got: list[Letter] = []
        self.fails: BaseException | None = None
        self.postman = self.fresh()

    def fresh(self) -> Postman:
        """A manager that begins, with nothing in memory."""
        engine: Any = SimpleNamespace(leads=True, inventory=Inventory(), now=self.clock.now)
        postman = Postman(engine, self.store, self.clock, self.settings)
        postman.submit = lambda task: task()
        self.postman = postman
        return postman

    def add(self, rule: Notification = RULE) -> None:
        with self.store.writing() as tx:
            notify.add(tx, rule, {notify.SECRET: "a password"})

    def happen(self, *found: EventRecord) -> None:
        with self.store.writing() as tx:
            for one in found:
                events.append(tx, one)

    def deliver(self, letter: Letter, _: object, secret: str, *__: object) -> None:
        assert secret == "a password"
        if self.fails is not None:
            raise self.fails
        self.got.append(letter)

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.postman.round()

    @property
    def rule(self) -> notify.Known:
        with self.store.reading() as tx:
            return notify.counted(tx)[0]

    def kinds(self) -> list[str]:
        with self.store.reading() as tx:
            return [one.kind for one in events.since(tx, 0)]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this schema: making one takes longer than a test."""
    file = tmp_path_factory.mktemp("empty") / "anypool.db"
    Store.open(f"sqlite:///{file}", clock=ManualClock()).close()
    return file


@pytest.fixture
def site(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    shutil.copy(empty, tmp_path)
    made = Site(tmp_path)
    monkeypatch.setattr(module, "deliver", made.deliver)
    yield made
    made.store.close()


def test_what_happens_is_told(site: Site) -> None:
    site.happen(event(message="of before"))
    site.add()
    site.happen(event(message="of after"))
    site.turn()
    assert [one.event.message for one in site.got] == ["of after"]
    assert (site.rule.waiting, site.rule.dead) == (0, 0)


@pytest.mark.parametrize("death", range(12))
def test_a_death_at_any_write_loses_nothing(
    site: Site, death: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manager dies before its nth transaction is committed; the next one goes on."""
    site.add()
    site.happen(*(event(n) for n in range(1, 8)))
    left, honest = [death], site.store.writing

    def writing() -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Death
        return honest()

    monkeypatch.setattr(site.store, "writing", writing)
    with suppress(Death):
        site.turn(4)
    monkeypatch.setattr(site.store, "writing", honest)
    site.fresh()
    site.turn(4)
    site.clock.advance(61)
    site.turn(4)
    told = {one.id: one.count for one in site.got}
    assert sum(told.values()) == 7, "each is in one message, however often that came"
    assert len(site.got) <= len(told) + 1


def test_a_message_that_was_tried_stays_as_it_is(site: Site) -> None:
    """Its receiver may have it already; what comes later goes into another."""
    site.add()
    site.fails = Unreachable("no answer")
    site.happen(event(1))
    site.turn()
    site.clock.advance(1)
    site.happen(event(2), event(3))
    site.turn()
    site.fails = None
    site.clock.advance(FIRST_S)
    site.turn()
    assert [one.count for one in site.got] == [1, 2]


def test_rests_double_and_are_told_once(site: Site) -> None:
    site.add()
    site.fails = Unreachable("no answer")
    site.happen(event(1))
    site.turn()
    waits = []
    for _ in range(3):
        waits.append(site.rule.standing.due_at - site.clock.now())
        site.clock.advance(waits[-1])
        site.turn()
    assert waits == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    site.fails = None
    site.clock.advance(8 * FIRST_S)
    site.turn()
    assert len(site.got) == 1
    assert site.rule.standing.failures == 0
    about = [kind for kind in site.kinds() if kind.startswith("notify.")]
    assert about == ["notify.failing", "notify.working"]


def test_what_nobody_takes_is_given_up_and_can_be_sent_again(site: Site) -> None:
    site.add()
    site.fails = Unreachable("no answer")
    site.happen(event(1), event(2, "vm.failed"))
    for _ in range(20):
        site.turn(1)
        site.clock.advance(900)
    assert (site.rule.waiting, site.rule.dead) == (0, 2)
    assert "notify.gave-up" in site.kinds()
    site.fails = None
    with site.store.writing() as tx:
        assert notify.revive(tx, OPS) == 2
    site.turn()
    assert len(site.got) == 2


def test_a_refused_message_does_not_keep_others(site: Site) -> None:
    site.add()
    site.fails = Rejected("too long")
    site.happen(event(1))
    site.turn()
    site.fails = None
    site.happen(event(2))
    site.turn()
    assert [one.event.message for one in site.got] == ["h2 is silent"]
    assert (site.rule.dead, site.rule.standing.failures) == (1, 0)


def test_a_rule_that_is_removed_leaves_nothing(site: Site) -> None:
    site.add()
    site.happen(event(1))
    site.turn()
    with site.store.writing() as tx:
        assert notify.remove(tx, OPS)
        assert not secrets.key_ids(tx)
        assert not notify.of(tx, OPS)


def test_one_that_does_not_lead_tells_nothing(site: Site) -> None:
    site.add()
    site.happen(event(1))
    site.postman._engine.leads = False  # type: ignore[misc]
    site.turn()
    assert not site.got


def test_a_thousand_events_are_told_in_a_few_messages(site: Site) -> None:
    site.add()
    site.happen(*(event(n) for n in range(1, 1201)))
    site.turn(5)
    site.clock.advance(61)
    site.turn()
    assert [one.count for one in site.got] == [1, 1, 1198]


def test_letters_that_ended_are_forgotten_after_a_while(site: Site) -> None:
    site.add()
    site.happen(event(1))
    site.turn()
    with site.store.writing() as tx:
        assert retention.forget_letters(tx, tx.now + 1, 10) == 1
        assert not retention.forget_letters(tx, tx.now + 1, 10)
