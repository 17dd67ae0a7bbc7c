"""Who may do what: one table, and everything that is not in it is refused."""

from enum import StrEnum

from msgspec import Struct

from anypool.errors import Denied
from anypool.store.records import Role


class Principal(Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who proved who they are, and the role this proof carries."""

    name: str
    role: Role


class Deed(StrEnum):
    """What a use case does, as far as permission is concerned."""

    READ = "read"
    OPERATE_VM = "operate VMs"
    OPERATE_HOST = "operate hosts"
    OPEN_CONSOLE = "open consoles"
    DECIDE_PLAN = "decide on plans"
    STEER_RUN = "steer operations"
    MANAGE_ENDPOINTS = "manage endpoints"
    MANAGE_STORAGE = "manage datastores and images"
    MANAGE_POLICIES = "manage policies"
    MANAGE_PEOPLE = "manage users"
    OWN_LOGIN = "manage their own login"


_RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMINISTRATOR: 3}

LEAST_ROLE: dict[Deed, Role] = {
    Deed.READ: Role.VIEWER,
    Deed.OPERATE_VM: Role.OPERATOR,
    Deed.OPERATE_HOST: Role.OPERATOR,
    Deed.OPEN_CONSOLE: Role.OPERATOR,
    Deed.DECIDE_PLAN: Role.OPERATOR,
    Deed.STEER_RUN: Role.OPERATOR,
    Deed.MANAGE_ENDPOINTS: Role.ADMINISTRATOR,
    Deed.MANAGE_STORAGE: Role.ADMINISTRATOR,
    Deed.MANAGE_POLICIES: Role.ADMINISTRATOR,
    Deed.MANAGE_PEOPLE: Role.ADMINISTRATOR,
    Deed.OWN_LOGIN: Role.VIEWER,
}
"""The least role for each deed."""


def covers(role: Role, other: Role) -> bool:
    """Return whether `role` may do everything that `other` may."""
    return _RANK[role] >= _RANK[other]


def require(principal: Principal, deed: Deed) -> None:
    """Return quietly if the principal may do the deed; raise `Denied` if not or if in doubt."""
    least = LEAST_ROLE.get(deed)
    if least is None or not covers(principal.role, least):
        needed = Role.ADMINISTRATOR if least is None else least
        raise Denied(
            f"{principal.name} is {principal.role} and may not {deed}",
            hint=f"ask an administrator for the role {needed}",
        )
