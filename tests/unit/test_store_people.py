import pytest
from msgspec.structs import replace
from sqlalchemy import select

from anypool.clock import ManualClock
from anypool.errors import Conflict, NotFound
from anypool.store import Store, people, sessions, tables, tokens
from anypool.store.records import Role, UserRecord
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store

ADA = UserRecord(name="ada", role=Role.ADMINISTRATOR, password_hash="$argon2id$x")


def add(store: Store, user: UserRecord = ADA) -> UserRecord:
    with store.writing() as tx:
        return people.add_user(tx, user)


def test_a_user_is_kept(store: Store, clock: ManualClock) -> None:
    assert add(store) == replace(ADA, created_at=clock.now())
    with pytest.raises(Conflict):
        add(store)
    bob = add(store, UserRecord(name="bob", role=Role.VIEWER))
    with store.writing() as tx:
        people.put_user(tx, replace(bob, role=Role.OPERATOR, created_at=0.0))
        assert people.get_user(tx, "bob") == replace(bob, role=Role.OPERATOR)
        assert [user.name for user in people.list_users(tx)] == ["ada", "bob"]
        people.delete_user(tx, "bob")
        assert people.find_user(tx, "bob") is None
        for refused in (people.get_user, people.delete_user):
            with pytest.raises(NotFound):
                refused(tx, "bob")
        with pytest.raises(NotFound):
            people.put_user(tx, bob)


def test_one_administrator_stays(store: Store) -> None:
    add(store)
    add(store, UserRecord(name="eve", role=Role.ADMINISTRATOR, disabled=True))
    for change in ({"role": Role.OPERATOR}, {"disabled": True}):
        with pytest.raises(Conflict, match="no administrator"), store.writing() as tx:
            people.put_user(tx, replace(ADA, **change))
    with pytest.raises(Conflict, match="no administrator"), store.writing() as tx:
        people.delete_user(tx, "ada")
    with store.reading() as tx:
        assert people.get_user(tx, "ada").role is Role.ADMINISTRATOR


def test_a_token_is_found_by_its_secret_alone(store: Store, clock: ManualClock) -> None:
    add(store)
    with store.writing() as tx:
        token, secret = tokens.add_token(tx, "ada", (Role.OPERATOR, None), label="ci", ttl_s=10)
        ever, other = tokens.add_token(tx, "ada", (Role.VIEWER, None), label="cron", ttl_s=0)
        with pytest.raises(NotFound):
            tokens.add_token(tx, "bob", (Role.VIEWER, None), label="x", ttl_s=0)
        assert secret.startswith("ap_")
        assert secret not in str(tx.rows(select(tables.tokens)))
        assert tokens.find_token(tx, secret) == token
        assert tokens.find_token(tx, token.id) is None
        assert tokens.needs_touch(token, tx.now)
        used = tokens.touch_token(tx, token)
        assert used.last_used_at == tx.now
        assert not tokens.needs_touch(used, tx.now)
    clock.advance(10)
    with store.writing() as tx:
        assert tokens.find_token(tx, secret) is None
        assert tokens.find_token(tx, other) == ever
        assert {listed.label for listed in tokens.list_tokens(tx, "ada")} == {"ci", "cron"}
        assert tokens.list_tokens(tx, "bob") == ()
        tokens.delete_token(tx, ever.id)
        assert tokens.find_token(tx, other) is None
        with pytest.raises(NotFound):
            tokens.delete_token(tx, ever.id)


def test_a_code_works_once_and_in_time(store: Store, clock: ManualClock) -> None:
    add(store)
    with store.writing() as tx:
        code, late = (sessions.make_code(tx, "ada", ttl_s=10) for _ in range(2))
        assert sessions.use_code(tx, code) == "ada"
        assert sessions.use_code(tx, code) is None
        assert sessions.use_code(tx, "") is None
    clock.advance(10)
    with store.writing() as tx:
        assert sessions.use_code(tx, late) is None


def test_a_session_ends(store: Store, clock: ManualClock) -> None:
    add(store)
    with store.writing() as tx:
        secret, closed = (sessions.open_session(tx, "ada", ttl_s=10) for _ in range(2))
        found = sessions.find_session(tx, secret)
        assert found is not None
        assert (found.user, found.expires_at) == ("ada", clock.now() + 10)
        sessions.close_session(tx, closed)
        assert sessions.find_session(tx, closed) is None
    clock.advance(10)
    with store.writing() as tx:
        assert sessions.find_session(tx, secret) is None
        sessions.open_session(tx, "ada", ttl_s=10)
        assert sessions.close_sessions_of(tx, "ada") == 1


def test_a_disabled_user_has_no_way_in(store: Store) -> None:
    add(store)
    bob = add(store, UserRecord(name="bob", role=Role.VIEWER))
    with store.writing() as tx:
        _, token = tokens.add_token(tx, "bob", (Role.VIEWER, None), label="x", ttl_s=0)
        session = sessions.open_session(tx, "bob", ttl_s=10)
        code = sessions.make_code(tx, "bob", ttl_s=10)
        people.put_user(tx, replace(bob, disabled=True))
        assert tokens.find_token(tx, token) is None
        assert sessions.find_session(tx, session) is None
        assert sessions.use_code(tx, code) is None
        people.delete_user(tx, "bob")
        assert tokens.list_tokens(tx) == ()


def test_failures_are_counted_for_a_while(store: Store, clock: ManualClock) -> None:
    for _ in range(3):
        with store.writing() as tx:
            sessions.note_failure(tx, "ada", keep_s=60)
        clock.advance(10)
    with store.writing() as tx:
        assert sessions.failures(tx, "ada", within_s=60) == 3
        assert sessions.failures(tx, "ada", within_s=15) == 1
        assert sessions.failures(tx, "bob", within_s=60) == 0
        sessions.clear_failures(tx, "ada")
        assert sessions.failures(tx, "ada", within_s=60) == 0
