"""Logins: browser sessions, one-time codes, and the failures that slow a guesser down."""

from sqlalchemy import delete, func, select

from anypool.store import people
from anypool.store.credentials import hashed, new_secret
from anypool.store.records import SessionRecord
from anypool.store.tables import login_codes, login_failures, sessions
from anypool.store.tx import Tx, from_row


def open_session(tx: Tx, user: str, *, ttl_s: float) -> str:
    """Begin a session; return its secret, for the cookie. Raise `NotFound` for no such user."""
    people.get_user(tx, user)
    tx.run(delete(sessions).where(sessions.c.expires_at <= tx.now))
    secret = new_secret()
    times = {"created_at": tx.now, "expires_at": tx.now + ttl_s}
    tx.add(sessions, {"secret_hash": hashed(secret), "user": user, **times})
    return secret


def find_session(tx: Tx, secret: str) -> SessionRecord | None:
    """Return the session with this secret, None if unknown, over or of a disabled user."""
    alive = (sessions.c.secret_hash == hashed(secret), sessions.c.expires_at > tx.now)
    row = tx.row(select(sessions).where(*alive))
    if row is None or people.get_user(tx, row.user).disabled:
        return None
    return from_row(row, SessionRecord)


def close_session(tx: Tx, secret: str) -> None:
    """End a session; quiet if there is none."""
    tx.run(delete(sessions).where(sessions.c.secret_hash == hashed(secret)))


def close_sessions_of(tx: Tx, user: str) -> int:
    """End all sessions of a user, as after a new password; return how many."""
    return tx.run(delete(sessions).where(sessions.c.user == user))


def make_code(tx: Tx, user: str, *, ttl_s: float) -> str:
    """Return a code that logs a user in once, within `ttl_s`; `NotFound` for no such user."""
    people.get_user(tx, user)
    tx.run(delete(login_codes).where(login_codes.c.expires_at <= tx.now))
    code = new_secret()
    row = {"secret_hash": hashed(code), "user": user, "expires_at": tx.now + ttl_s}
    tx.add(login_codes, row)
    return code


def use_code(tx: Tx, code: str) -> str | None:
    """Use a code up; return whom it logs in, None if unknown, used, over or user disabled."""
    mine = login_codes.c.secret_hash == hashed(code)
    row = tx.row(select(login_codes).where(mine))
    if row is None or not tx.run(delete(login_codes).where(mine)) or row.expires_at <= tx.now:
        return None
    user: str = row.user
    return None if people.get_user(tx, user).disabled else user


def note_failure(tx: Tx, who: str, *, keep_s: float) -> None:
    """Note a failed login by `who`, a user name or an address; forget those over `keep_s` old."""
    tx.run(delete(login_failures).where(login_failures.c.at < tx.now - keep_s))
    tx.add(login_failures, {"who": who, "at": tx.now})


def failures(tx: Tx, who: str, *, within_s: float) -> int:
    """Return how often `who` failed lately."""
    lately = (login_failures.c.who == who, login_failures.c.at >= tx.now - within_s)
    return tx.count(select(func.count()).select_from(login_failures).where(*lately))


def clear_failures(tx: Tx, who: str) -> None:
    """Forget the failures of `who`, after a success."""
    tx.run(delete(login_failures).where(login_failures.c.who == who))
