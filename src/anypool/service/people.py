"""Users and their API tokens."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Denied, Invalid, NotFound
from anypool.service import passwords
from anypool.service.access import Deed, Principal, covers, may, require, word_of
from anypool.service.names import checked_name, checked_text
from anypool.store import Store, Tx, events, people, sessions, tokens
from anypool.store.records import EventRecord, Role, TokenRecord, UserRecord

DAY_S = 86_400.0
_MOST_DAYS = 3650


class UserChange(Struct, frozen=True, kw_only=True):
    """What to change about a user; None leaves a thing as it is."""

    role: Role | None = None
    password: str | None = None
    disabled: bool | None = None


class People:
    """The use cases of users and tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, by: Principal) -> tuple[UserRecord, ...]:
        """Return all users by name."""
        require(by, Deed.MANAGE_PEOPLE)
        with self._store.reading() as tx:
            return people.list_users(tx)

    def add(self, by: Principal, name: str, role: Role, password: str | None) -> UserRecord:
        """Make a user; without a password they log in by a link only. Raises `Conflict`."""
        require(by, Deed.MANAGE_PEOPLE)
        stored = "" if password is None else passwords.hash_of(password)
        user = UserRecord(name=checked_name(name, "a user"), role=role, password_hash=stored)
        with self._store.writing(shared=True) as tx:
            _note(tx, by, "user.added", user.name, f"user {user.name} added, {role}")
            return people.add_user(tx, user)

    def change(self, by: Principal, name: str, change: UserChange) -> UserRecord:
        """Change role, password or access; a new password or role ends the user's sessions."""
        require(by, Deed.MANAGE_PEOPLE)
        stored = None if change.password is None else passwords.hash_of(change.password)
        with self._store.writing(shared=True) as tx:
            old = people.get_user(tx, name)
            new = replace(
                old,
                role=old.role if change.role is None else change.role,
                password_hash=old.password_hash if stored is None else stored,
                disabled=old.disabled if change.disabled is None else change.disabled,
            )
            people.put_user(tx, new)
            if new != old:
                sessions.close_sessions_of(tx, name)
                _note(tx, by, "user.changed", name, f"user {name} changed: {_changes(old, new)}")
        return new

    def remove(self, by: Principal, name: str) -> None:
        """Forget a user with tokens and sessions; raise `NotFound` or `Conflict`."""
        require(by, Deed.MANAGE_PEOPLE)
        with self._store.writing(shared=True) as tx:
            people.delete_user(tx, name)
            _note(tx, by, "user.removed", name, f"user {name} removed")

    def set_own_password(self, by: Principal, old: str, new: str) -> None:
        """Change one's own password; the old one is asked for if there is one.

        `Denied` for a token that carries less than its user's role: by the password it
        would get the rest.
        """
        require(by, Deed.OWN_LOGIN)
        stored = passwords.hash_of(new)
        with self._store.reading() as tx:
            known = people.get_user(tx, by.name)
        if known.role is not by.role or by.deeds is not None:
            raise Denied(f"a limited token cannot set the password of {by.name}")
        if known.password_hash and not passwords.matches(old, known.password_hash):
            raise Denied("the old password is wrong")
        with self._store.writing(shared=True) as tx:
            user = people.get_user(tx, by.name)
            people.put_user(tx, replace(user, password_hash=stored))
            sessions.close_sessions_of(tx, by.name)
            _note(tx, by, "user.changed", by.name, f"user {by.name} changed: password")

    def list_tokens(self, by: Principal) -> tuple[TokenRecord, ...]:
        """Return one's own tokens; an administrator sees all."""
        require(by, Deed.OWN_LOGIN)
        whose = None if may(by, Deed.MANAGE_PEOPLE) else by.name
        with self._store.reading() as tx:
            return tokens.list_tokens(tx, whose)

    def add_token(
        self,
        by: Principal,
        label: str,
        role: Role | None,
        days: int,
        deeds: tuple[str, ...] | None = None,
    ) -> tuple[TokenRecord, str]:
        """Make a token of one's own; the secret is shown only now. Raises `Denied`.

        With `deeds` it may do those only; whoever is limited so gives out no more.
        """
        require(by, Deed.OWN_LOGIN)
        wanted = by.role if role is None else role
        if not covers(by.role, wanted):
            raise Denied(f"a {by.role} cannot give out the role {wanted}")
        if not 1 <= days <= _MOST_DAYS:
            raise Invalid(f"a token cannot last {days} days", hint=f"ask for 1 to {_MOST_DAYS}")
        text = checked_text(label, "label", 100)
        limited = _limited(by, deeds)
        with self._store.writing(shared=True) as tx:
            token, secret = tokens.add_token(
                tx, by.name, (wanted, limited), label=text, ttl_s=days * DAY_S
            )
            words = f"token {token.id} of {by.name} added, {wanted}, for {days} days"
            _note(tx, by, "token.added", token.id, words)
        return token, secret

    def remove_token(self, by: Principal, token_id: str) -> None:
        """End a token; raise `NotFound` for one that is not there or somebody else's."""
        require(by, Deed.OWN_LOGIN)
        found = next((token for token in self.list_tokens(by) if token.id == token_id), None)
        if found is None:
            hint = "`anypool token list` shows them"
            raise NotFound(f"there is no token {token_id[:80]!r}", hint=hint)
        with self._store.writing(shared=True) as tx:
            tokens.delete_token(tx, token_id)
            words = f"token {token_id} of {found.user} removed"
            _note(tx, by, "token.removed", token_id, words)


def _limited(by: Principal, deeds: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the deeds of a new token in order; raise `Invalid` or `Denied`."""
    if deeds is None:
        return None if by.deeds is None else tuple(sorted(by.deeds))
    known = [word_of(deed) for deed in Deed]
    for word in deeds:
        if word not in known:
            raise Invalid(f"{word[:80]!r} is no deed", hint=f"there are: {', '.join(known)}")
    if by.deeds is not None and not by.deeds >= set(deeds):
        raise Denied("a limited token cannot give out more than it may do itself")
    return tuple(sorted(set(deeds)))


def _changes(old: UserRecord, new: UserRecord) -> str:
    parts = []
    if new.role is not old.role:
        parts.append(f"role {new.role}")
    if new.password_hash != old.password_hash:
        parts.append("password")
    if new.disabled != old.disabled:
        parts.append("disabled" if new.disabled else "enabled")
    return ", ".join(parts)


def _note(tx: Tx, by: Principal, kind: str, subject: str, message: str) -> None:
    """Say who did what; a password or a token's secret is never in it."""
    event = EventRecord(
        kind=kind,
        message=message,
        subject_kind=kind.partition(".")[0],
        subject_id=subject,
        by=by.name,
    )
    events.append(tx, event)
