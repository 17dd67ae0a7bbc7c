"""Users and their roles; tokens are in `tokens`, logins in `sessions`."""

from sqlalchemy import delete, func, select, update

from anypool.errors import Conflict, NotFound
from anypool.store.records import Role, UserRecord
from anypool.store.tables import users
from anypool.store.tx import Tx, from_row, to_row


def add_user(tx: Tx, user: UserRecord) -> UserRecord:
    """Store a new user, created now; raise `Conflict` if the name is taken."""
    if find_user(tx, user.name) is not None:
        raise Conflict(f"there is a user {user.name} already", hint="choose another name")
    tx.add(users, {**to_row(user), "created_at": tx.now})
    return get_user(tx, user.name)


def find_user(tx: Tx, name: str) -> UserRecord | None:
    """Return a user, None if there is none; it may be disabled."""
    row = tx.row(select(users).where(users.c.name == name))
    return None if row is None else from_row(row, UserRecord)


def get_user(tx: Tx, name: str) -> UserRecord:
    """Return a user, who may be disabled; raise `NotFound`."""
    if (user := find_user(tx, name)) is None:
        raise _not_found(name)
    return user


def put_user(tx: Tx, user: UserRecord) -> None:
    """Replace role, password and disabled; raise `NotFound`, or `Conflict` as `delete_user`."""
    row = to_row(user)
    del row["created_at"]
    if not tx.run(update(users).where(users.c.name == user.name).values(row)):
        raise _not_found(user.name)
    _keep_an_administrator(tx)


def delete_user(tx: Tx, name: str) -> None:
    """Forget a user with tokens and sessions; raise `NotFound`.

    Raise `Conflict` if no enabled administrator would be left.
    """
    if not tx.run(delete(users).where(users.c.name == name)):
        raise _not_found(name)
    _keep_an_administrator(tx)


def list_users(tx: Tx) -> tuple[UserRecord, ...]:
    """Return all users by name."""
    return tuple(from_row(row, UserRecord) for row in tx.rows(select(users).order_by(users.c.name)))


def _keep_an_administrator(tx: Tx) -> None:
    wanted = (users.c.role == Role.ADMINISTRATOR.value, users.c.disabled.is_(False))
    if not tx.count(select(func.count()).select_from(users).where(*wanted)):
        raise Conflict(
            "no administrator would be left", hint="make somebody else administrator first"
        )


def _not_found(name: str) -> NotFound:
    return NotFound(f"there is no user {name}", hint="`anypool user list` shows them")
