import itertools

import pytest

from anypool.errors import Denied
from anypool.service.access import LEAST_ROLE, Deed, Principal, covers, require
from anypool.store.records import Role

VIEWER = {Deed.READ, Deed.OWN_LOGIN}
OPERATOR = VIEWER | {
    Deed.OPERATE_VM, Deed.OPERATE_HOST, Deed.OPEN_CONSOLE, Deed.DECIDE_PLAN, Deed.STEER_RUN,
}  # fmt: skip
ALLOWED = {Role.VIEWER: VIEWER, Role.OPERATOR: OPERATOR, Role.ADMINISTRATOR: set(Deed)}


@pytest.mark.parametrize(("role", "deed"), list(itertools.product(Role, Deed)))
def test_the_table_of_roles_and_deeds(role: Role, deed: Deed) -> None:
    somebody = Principal(name="somebody", role=role)
    if deed in ALLOWED[role]:
        require(somebody, deed)
    else:
        with pytest.raises(Denied) as raised:
            require(somebody, deed)
        assert raised.value.hint


def test_a_deed_nobody_thought_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(LEAST_ROLE, Deed.READ)
    with pytest.raises(Denied):
        require(Principal(name="root", role=Role.ADMINISTRATOR), Deed.READ)


def test_a_role_covers_itself_and_those_below() -> None:
    order = (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR)
    for (i, high), (j, low) in itertools.product(enumerate(order), enumerate(order)):
        assert covers(high, low) == (i >= j)
