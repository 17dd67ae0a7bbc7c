"""Who may do what: one table, and everything that is not in it is refused."""

from enum import StrEnum

from msgspec import Struct

from anypool.errors import Denied
from anypool.store import act
from anypool.store.records import Role


class Principal(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who proved who they are, and the role this proof carries.

    `proof` is how: `session`, `code`, or `token ID`. `deeds` is what a token is limited to,
    None for everything that the role may do.
    """

    name: str
    role: Role
    proof: str = ""
    deeds: frozenset[str] | None = None


class Deed(StrEnum):
    """What a use case does, as far as permission is concerned."""

    READ = "read"
    READ_AUDIT = "read the audit trail"
    OPERATE_VM = "operate VMs"
    OPERATE_HOST = "operate hosts"
    CONFIRM_DEATH = "say that hosts are dead"
    OPEN_CONSOLE = "open consoles"
    DECIDE_PLAN = "decide on plans"
    STEER_RUN = "steer operations"
    MANAGE_ENDPOINTS = "manage endpoints"
    MANAGE_STORAGE = "manage datastores and images"
    MANAGE_POLICIES = "manage policies"
    MANAGE_PROFILES = "manage server profiles and their addresses"
    MANAGE_PEOPLE = "manage users"
    MANAGE_RECORDS = "manage what is kept"
    MANAGE_SECRETS = "manage keys of secrets"
    MAKE_BUNDLE = "make support bundles"
    MANAGE_BACKUPS = "take and fetch backups"
    MANAGE_MANAGERS = "say which managers work"
    MANAGE_NOTIFICATIONS = "manage notifications"
    OWN_LOGIN = "manage their own login"


_RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMINISTRATOR: 3}

LEAST_ROLE: dict[Deed, Role] = {
    Deed.READ: Role.VIEWER,
    Deed.READ_AUDIT: Role.ADMINISTRATOR,
    Deed.OPERATE_VM: Role.OPERATOR,
    Deed.OPERATE_HOST: Role.OPERATOR,
    Deed.CONFIRM_DEATH: Role.OPERATOR,
    Deed.OPEN_CONSOLE: Role.OPERATOR,
    Deed.DECIDE_PLAN: Role.OPERATOR,
    Deed.STEER_RUN: Role.OPERATOR,
    Deed.MANAGE_ENDPOINTS: Role.ADMINISTRATOR,
    Deed.MANAGE_STORAGE: Role.ADMINISTRATOR,
    Deed.MANAGE_POLICIES: Role.ADMINISTRATOR,
    Deed.MANAGE_PROFILES: Role.ADMINISTRATOR,
    Deed.MANAGE_PEOPLE: Role.ADMINISTRATOR,
    Deed.MANAGE_RECORDS: Role.ADMINISTRATOR,
    Deed.MANAGE_SECRETS: Role.ADMINISTRATOR,
    Deed.MAKE_BUNDLE: Role.ADMINISTRATOR,
    Deed.MANAGE_BACKUPS: Role.ADMINISTRATOR,
    Deed.MANAGE_MANAGERS: Role.ADMINISTRATOR,
    Deed.MANAGE_NOTIFICATIONS: Role.ADMINISTRATOR,
    Deed.OWN_LOGIN: Role.VIEWER,
}
"""The least role for each deed."""


def covers(role: Role, other: Role) -> bool:
    """Return whether `role` may do everything that `other` may."""
    return _RANK[role] >= _RANK[other]


def may(principal: Principal, deed: Deed) -> bool:
    """Return whether the principal may do a deed, which is not begun."""
    least = LEAST_ROLE.get(deed)
    limited = principal.deeds is not None and word_of(deed) not in principal.deeds
    return least is not None and covers(principal.role, least) and not limited


def require(principal: Principal, deed: Deed) -> None:
    """Return quietly if the principal may do the deed; raise `Denied` if not or if in doubt.

    From here on the caller's context acts for the principal: what it writes is audited so.
    Looking something up in the course of a deed does not make it a look, and whoever may do
    the deed sees what came of it.
    """
    before = act.current()
    if deed is Deed.READ and before is not None and before.who == principal.name:
        return
    least = LEAST_ROLE.get(deed)
    doing = act.Act(who=principal.name, role=principal.role, proof=principal.proof, deed=deed.name)
    if least is None or not covers(principal.role, least):
        needed = Role.ADMINISTRATOR if least is None else least
        raise refused(
            doing,
            f"{principal.name} is {principal.role} and may not {deed}",
            f"ask an administrator for the role {needed}",
        )
    if principal.deeds is not None and word_of(deed) not in principal.deeds:
        allowed = ", ".join(sorted(principal.deeds))
        raise refused(
            doing,
            f"this token may not {deed}: it is limited to {allowed}",
            "make another token for that",
        )
    act.begin(doing)


def refused(doing: act.Act, message: str, hint: str) -> Denied:
    """Return the error for somebody who may not do something, with who and what."""
    error = Denied(message, hint=hint)
    error.doing = doing
    return error


def word_of(deed: Deed) -> str:
    """Return how a deed is written where a token is limited to it, such as `operate-vm`."""
    return deed.name.lower().replace("_", "-")


def in_request(request: str) -> None:
    """Say which request is answered from here on; the log and the audit trail name it."""
    act.set_request(request)


def request_id() -> str:
    """Return the id of the request that is answered, "" outside of one."""
    return act.request()
