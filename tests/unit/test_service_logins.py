from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.errors import Busy, NotLoggedIn
from anypool.service import passwords
from anypool.service.access import Principal
from anypool.service.logins import CODE_TTL_S, SESSION_TTL_S, Logins
from anypool.service.people import People, UserChange
from anypool.store import Store
from anypool.store.records import Role

ADMIN = Principal(name="admin", role=Role.ADMINISTRATOR)
CLOCK = ManualClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'anypool.db'}", clock=CLOCK)
    yield store
    store.close()


@pytest.fixture
def logins(store: Store) -> Logins:
    return Logins(store)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))


def test_the_first_start_makes_an_administrator_and_the_second_does_not(logins: Logins) -> None:
    code = logins.first_code()
    assert code
    assert logins.first_code() is None
    assert logins.with_code(code, "x").principal == ADMIN


def test_a_code_is_over_after_a_quarter_of_an_hour(logins: Logins) -> None:
    code = logins.first_code() or ""
    CLOCK.advance(CODE_TTL_S + 1)
    with pytest.raises(NotLoggedIn) as raised:
        logins.with_code(code, "x")
    assert "login-link" in raised.value.hint
    assert logins.with_code(logins.code(), "x").principal == ADMIN


def test_a_session_ends_by_itself(logins: Logins) -> None:
    session = logins.with_code(logins.first_code() or "", "x")
    assert logins.by_session(session.secret) == replace(ADMIN, proof="session")
    CLOCK.advance(SESSION_TTL_S + 1)
    with pytest.raises(NotLoggedIn):
        logins.by_session(session.secret)


def test_somebody_without_a_password_cannot_log_in_by_one(logins: Logins, store: Store) -> None:
    logins.first_code()
    for password in ("", "x", "nobody has this password"):
        with pytest.raises(NotLoggedIn):
            logins.with_password("admin", password, "x")
    with pytest.raises(NotLoggedIn):
        logins.with_password("nobody", "nobody has this password", "y")


def test_failures_brake_one_user_at_one_address_only(logins: Logins, store: Store) -> None:
    logins.first_code()
    People(store).change(ADMIN, "admin", UserChange(password="long enough"))
    for _ in range(5):
        with pytest.raises(NotLoggedIn):
            logins.with_password("admin", "wrong", "bad")
    with pytest.raises(Busy):
        logins.with_password("admin", "long enough", "bad")
    assert logins.with_password("admin", "long enough", "good").principal == ADMIN
    CLOCK.advance(301)
    assert logins.with_password("admin", "long enough", "bad").principal == ADMIN


def test_an_address_that_guesses_codes_is_braked(logins: Logins) -> None:
    code = logins.first_code() or ""
    for _ in range(20):
        with pytest.raises(NotLoggedIn):
            logins.with_code("guess", "bad")
    with pytest.raises(Busy):
        logins.with_code(code, "bad")
    assert logins.with_code(code, "good").principal == ADMIN


def test_nothing_in_the_database_can_log_in(tmp_path: Path, logins: Logins, store: Store) -> None:
    code = logins.first_code() or ""
    session = logins.with_code(logins.code(), "x")
    token = People(store).add_token(ADMIN, "t", None, 1)[1]
    People(store).change(ADMIN, "admin", UserChange(password="planted canary"))
    store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (code, session.secret, session.csrf, token, "planted canary"):
        assert secret.encode() not in content
