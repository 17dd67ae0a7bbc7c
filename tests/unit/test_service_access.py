import itertools

import pytest

from anypool.errors import Denied
from anypool.service import access
from anypool.service.access import LEAST_ROLE, Deed, Principal, covers, require
from anypool.store import act
from anypool.store.records import Role

VIEWER = {Deed.READ, Deed.OWN_LOGIN}
OPERATOR = VIEWER | {
    Deed.OPERATE_VM, Deed.OPERATE_HOST, Deed.OPEN_CONSOLE, Deed.DECIDE_PLAN, Deed.STEER_RUN,
    Deed.CONFIRM_DEATH,
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


def test_looking_something_up_does_not_change_what_is_done() -> None:
    admin = Principal(name="root", role=Role.ADMINISTRATOR)
    access.in_request("r1")
    require(admin, Deed.MANAGE_ENDPOINTS)
    require(admin, Deed.READ)
    doing = act.current()
    assert doing is not None
    assert doing.deed == "MANAGE_ENDPOINTS", "removing an endpoint is no look"
    access.in_request("r2")
    assert act.current() is None
    require(admin, Deed.READ)
    doing = act.current()
    assert doing is not None
    assert doing.deed == "READ"
