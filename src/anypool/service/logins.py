"""Proving who one is: one-time codes, passwords, sessions, tokens, and a brake for guessers."""

import hashlib
from contextlib import suppress

from msgspec import Struct

from anypool.errors import Busy, NotLoggedIn, StoreFailed
from anypool.service import passwords
from anypool.service.access import Principal, covers
from anypool.store import Store, Told, Tx, people, sessions, tokens
from anypool.store.records import Role, UserRecord

CODE_TTL_S = 15 * 60.0
SESSION_TTL_S = 12 * 3600.0
FIRST_USER = "admin"

_WINDOW_S = 300.0
_MOST_OF_USER_AT_ADDRESS = 5
_MOST_OF_ADDRESS = 20


class Session(Struct, frozen=True, kw_only=True):
    """A login that worked: the cookie's secret, and what a page must send along to change."""

    principal: Principal
    secret: str
    csrf: str
    ttl_s: float


class Logins:
    """Every way to become a principal."""

    def __init__(self, store: Store, keep_s: float = _WINDOW_S) -> None:
        self._keep_s = max(keep_s, _WINDOW_S)
        self._store = store

    def first_code(self) -> str | None:
        """On an empty database, make the first administrator and return a login code for them."""
        with self._store.writing(shared=True) as tx:
            if people.list_users(tx):
                return None
            people.add_user(tx, UserRecord(name=FIRST_USER, role=Role.ADMINISTRATOR))
            tx.tell(Told("user.added", "user", FIRST_USER, "the first one", by="the first start"))
            return sessions.make_code(tx, FIRST_USER, ttl_s=CODE_TTL_S)

    def code(self, user: str = FIRST_USER) -> str:
        """Return a code that logs a user in once, within 15 minutes; raise `NotFound`.

        For whoever may read the state folder; no request reaches this.
        """
        with self._store.writing(shared=True) as tx:
            return sessions.make_code(tx, user, ttl_s=CODE_TTL_S)

    def with_code(self, code: str, address: str) -> Session:
        """Log in by a one-time code; raise `NotLoggedIn`, or `Busy` after too many failures."""
        brakes = {f"address {address}": _MOST_OF_ADDRESS}
        self._check(brakes)
        with self._store.writing(shared=True) as tx:
            user = sessions.use_code(tx, code)
            if user is not None:
                return self._opened(tx, user, "code")
        self._failed(brakes)
        raise NotLoggedIn(
            "the login code is wrong, used or over",
            hint="make a new one with `anypool login-link` on the manager's machine",
        )

    def with_password(self, user: str, password: str, address: str) -> Session:
        """Log in by password; raise `NotLoggedIn`, or `Busy` after too many failures."""
        brakes = {
            f"address {address}": _MOST_OF_ADDRESS,
            f"user {user[:80]} at {address}": _MOST_OF_USER_AT_ADDRESS,
        }
        self._check(brakes)
        with self._store.reading() as tx:
            known = people.find_user(tx, user)
        stored = "" if known is None or known.disabled else known.password_hash
        if not passwords.matches(password, stored):
            self._failed(brakes)
            raise NotLoggedIn("user or password is wrong")
        with self._store.writing(shared=True) as tx:
            for who in brakes:
                sessions.clear_failures(tx, who)
            return self._opened(tx, user, "password")

    def logout(self, secret: str) -> None:
        """End a session; quiet if there is none."""
        with self._store.writing(shared=True) as tx:
            found = sessions.find_session(tx, secret)
            if found is not None:
                tx.tell(Told("logout.done", "user", found.user, "logged out", by=found.user))
            sessions.close_session(tx, secret)

    def by_session(self, secret: str) -> Principal:
        """Return whose session this is; raise `NotLoggedIn`."""
        with self._store.reading() as tx:
            found = sessions.find_session(tx, secret)
            user = None if found is None else people.get_user(tx, found.user)
        if user is None:
            raise NotLoggedIn("the session is over", hint="log in again")
        return Principal(name=user.name, role=user.role, proof="session")

    def by_token(self, secret: str) -> Principal:
        """Return whom a token stands for, never with more than its user's role."""
        with self._store.reading() as tx:
            found = tokens.find_token(tx, secret)
            user = None if found is None else people.get_user(tx, found.user)
            stale = found is not None and tokens.needs_touch(found, tx.now)
        if found is None or user is None:
            raise NotLoggedIn("the token is unknown or expired", hint="make a new token")
        if stale:
            with suppress(StoreFailed), self._store.writing(shared=True) as tx:
                tokens.touch_token(tx, found)
        role = found.role if covers(user.role, found.role) else user.role
        deeds = None if found.deeds is None else frozenset(found.deeds)
        return Principal(name=user.name, role=role, proof=f"token {found.id}", deeds=deeds)

    def _opened(self, tx: Tx, user: str, proof: str) -> Session:
        record = people.get_user(tx, user)
        tx.tell(Told("login.done", "user", user, f"logged in by {proof}", by=user))
        secret = sessions.open_session(tx, user, ttl_s=SESSION_TTL_S)
        return Session(
            principal=Principal(name=record.name, role=record.role),
            secret=secret,
            csrf=csrf_of(secret),
            ttl_s=SESSION_TTL_S,
        )

    def _check(self, brakes: dict[str, int]) -> None:
        with self._store.reading() as tx:
            for who, most in brakes.items():
                if sessions.failures(tx, who, within_s=_WINDOW_S) >= most:
                    hint = f"wait {round(_WINDOW_S / 60)} minutes"
                    raise Busy("too many failed logins", hint=hint)

    def _failed(self, brakes: dict[str, int]) -> None:
        with self._store.writing(shared=True) as tx:
            tx.tell(Told("login.failed", "login", "", ", ".join(brakes), by="somebody"))
            for who in brakes:
                sessions.note_failure(tx, who, keep_s=self._keep_s)


def csrf_of(secret: str) -> str:
    """Return what a page with this session sends along with each change."""
    return hashlib.sha256(b"anypool csrf " + secret.encode()).hexdigest()
