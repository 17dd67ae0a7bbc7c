"""Notifications: who is told of which events, how that goes, and what could not be told."""

from urllib.parse import urlsplit
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.notifying.letters import SUBJECT
from anypool.engine.notifying.postman import MOST, Postman, known_rule
from anypool.engine.notifying.sending import key_of
from anypool.errors import Conflict, Invalid
from anypool.model import (
    Mail,
    Notification,
    NotificationId,
    Receiver,
    Security,
    Syslog,
    Transport,
    Webhook,
    checked_fingerprint,
)
from anypool.search import Noun, parse
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_name, checked_text
from anypool.store import Store, Tx, events, notify
from anypool.store.notify import Known, Letter
from anypool.store.records import EventRecord, Severity

_LEAST_KEY = 16
_MOST_PEOPLE = 50


class NewNotification(Struct, frozen=True, kw_only=True):
    """A rule to keep, and what is secret of its receiver.

    `secret` is a mail server's password, or the key that a webhook's deliveries are signed
    with. A webhook's whole URL is kept encrypted, too: often it is all that is needed to write.
    """

    rule: Notification
    secret: str = ""


class Notifications:
    """The use cases of notifications."""

    def __init__(self, engine: Engine, store: Store, postman: Postman) -> None:
        self._engine = engine
        self._store = store
        self._postman = postman

    def list(self, by: Principal) -> tuple[Known, ...]:
        """Return all rules by name, with how each stands."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            return notify.counted(tx)

    def get(self, by: Principal, key: str) -> tuple[Known, tuple[Letter, ...]]:
        """Return a rule and its newest letters; raise `NotFound`."""
        require(by, Deed.READ)
        with self._store.reading() as tx:
            found = known_rule(tx, key)
            return found, notify.of(tx, found.rule.id)

    def add(self, by: Principal, asked: NewNotification) -> Known:
        """Keep a rule for events from now on; nothing is sent.

        Raises `Invalid` for a filter, a receiver or an address that will not do, `Unreachable`
        for a name that is not known, `Conflict` if the name is taken.
        """
        require(by, Deed.MANAGE_NOTIFICATIONS)
        self._engine.must_lead()
        rule, hidden = _sound(asked)
        self._postman.check(rule.receiver)
        with self._store.writing() as tx:
            known = {one.rule.id for one in notify.all_(tx)}
            if rule.id in known:
                hint = f"`anypool notify remove {rule.id}` makes room for another"
                raise Conflict(f"there is a notification {rule.id} already", hint=hint)
            if len(known) >= MOST:
                raise Conflict(f"there are {len(known)} notifications", hint="remove some")
            _note(tx, rule.id, f"notification {rule.id} added", by)
            notify.add(tx, rule, hidden)
        self._postman.wake()
        return self.get(by, rule.id)[0]

    def remove(self, by: Principal, key: str) -> None:
        """Forget a rule with its secrets and letters; raise `NotFound`."""
        require(by, Deed.MANAGE_NOTIFICATIONS)
        self._engine.must_lead()
        with self._store.writing() as tx:
            rule = known_rule(tx, key).rule
            notify.remove(tx, rule.id)
            _note(tx, rule.id, f"notification {rule.id} removed", by)

    def test(self, by: Principal, key: str) -> None:
        """Send a receiver a message now; raise what keeps it from getting there."""
        require(by, Deed.MANAGE_NOTIFICATIONS)
        self._engine.must_lead()
        with self._store.reading() as tx:
            rule, now = known_rule(tx, key).rule, tx.now
        event = EventRecord(
            kind="notify.test",
            message=f"this is a test of the notification {rule.id}, asked for by {by.name}",
            severity=Severity.INFO,
            subject_kind=SUBJECT,
            subject_id=rule.id,
            by=by.name,
            at=now,
        )
        letter = Letter(
            id=f"msg_{uuid4().hex}",
            notification=rule.id,
            kind=event.kind,
            event=event,
            made_at=now,
            due_at=now,
        )
        self._postman.tried(rule, letter)
        with self._store.writing() as tx:
            _note(tx, rule.id, f"{rule.id} took a message as a test", by)

    def retry(self, by: Principal, key: str) -> int:
        """Let everything that was given up be sent again, now; return how many letters."""
        require(by, Deed.MANAGE_NOTIFICATIONS)
        self._engine.must_lead()
        with self._store.writing() as tx:
            rule = known_rule(tx, key).rule
            count = notify.revive(tx, rule.id)
            _note(tx, rule.id, f"{count} messages to {rule.id} are sent again", by)
        self._postman.wake()
        return count


def _note(tx: Tx, key: NotificationId, message: str, by: Principal) -> None:
    events.note(tx, (SUBJECT, key), message, by.name)


def _sound(asked: NewNotification) -> tuple[Notification, dict[str, str]]:
    """Return a rule as it is kept, and its secrets by field; raise `Invalid`."""
    rule = asked.rule
    checked_name(rule.id, "a notification")
    query = parse(rule.filter, Noun.EVENT)
    if query.order or query.limit is not None:
        raise Invalid("a filter has no order and no limit", hint="leave out what follows them")
    if rule.severity not in set(Severity):
        hint = f"one of {', '.join(Severity)}"
        raise Invalid(f"{rule.severity[:40]!r} is no severity", hint=hint)
    receiver = _receiver(rule.receiver, asked.secret)
    hidden = {notify.SECRET: asked.secret}
    if isinstance(receiver, Webhook):
        hidden[notify.ADDRESS] = receiver.url
        place = urlsplit(receiver.url)
        receiver = replace(receiver, url=f"https://{place.netloc}")
    kept = str(query) if rule.filter.strip() else ""
    return replace(rule, filter=kept, receiver=receiver), hidden


def _receiver(given: Receiver, secret: str) -> Receiver:
    pinned = checked_fingerprint(given.fingerprint)
    match given:
        case Mail():
            _check_mail(given, secret)
        case Webhook():
            _check_webhook(given, secret)
        case Syslog():
            checked_text(given.server, "the server", 300)
            if secret:
                raise Invalid("syslog has no secret", hint="leave it out")
    plain = (given.security is Security.NONE) if isinstance(given, Mail) else False
    plain |= isinstance(given, Syslog) and given.transport is not Transport.TLS
    if pinned and plain:
        raise Invalid("without TLS there is no certificate", hint="leave the fingerprint out")
    return replace(given, fingerprint=pinned)


def _check_mail(given: Mail, secret: str) -> None:
    checked_text(given.server, "the server", 300)
    checked_text(given.user, "the user", 200)
    if not 0 < len(given.to) <= _MOST_PEOPLE:
        raise Invalid(f"mail to {len(given.to)} addresses", hint=f"name 1 to {_MOST_PEOPLE}")
    for address in (*given.to, given.sender):
        _check_address(address)
    if bool(given.user) != bool(secret):
        raise Invalid("user and password go together", hint="give both, or neither")
    if given.user and given.security is Security.NONE:
        hint = "choose the security starttls or tls, or a server that needs no login"
        raise Invalid("a password is not sent where everybody can read it", hint=hint)


def _check_address(address: str) -> None:
    checked_text(address, "an address", 254)
    name, at, host = address.rpartition("@")
    if not at or not name or not host or any(mark in " ,;<>\"'()" for mark in address):
        hint = "write it as somebody@example.org"
        raise Invalid(f"{address[:80]!r} is no address of mail", hint=hint)
    if not address.isascii():
        raise Invalid(f"{address[:80]!r} is not ASCII", hint="write the domain as xn--")


def _check_webhook(given: Webhook, secret: str) -> None:
    checked_text(given.url, "the address", 2000)
    try:
        place = urlsplit(given.url)
        good = place.scheme == "https" and bool(place.hostname) and given.url.isascii()
        good = good and (place.port is None or place.port > 0) and " " not in given.url
    except ValueError:
        good, place = False, urlsplit("")
    if not good or place.fragment:
        raise Invalid("that is no address of a webhook", hint="such as https://example.org/hook")
    if place.username is not None or place.password is not None:
        hint = "its deliveries are signed; let the receiver check that"
        raise Invalid("a webhook's address has no user and no password", hint=hint)
    if len(key_of(secret)) < _LEAST_KEY:
        hint = f"at least {_LEAST_KEY} signs, such as from `openssl rand -base64 32`"
        raise Invalid("a webhook needs a key that its deliveries are signed with", hint=hint)
