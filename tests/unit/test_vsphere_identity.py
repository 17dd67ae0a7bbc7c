"""Who is who behind a vCenter: every row of the table, and what holds whatever happens."""

from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.drivers.vsphere.identity import Identities, Seen, identities, usable
from anypool.model import VmId

U1, U2, U3 = (VmId(f"{n:08d}-1111-4222-8333-444455556666") for n in (1, 2, 3))


def derived(moid: str) -> VmId:
    return VmId(str(uuid5(NAMESPACE_URL, moid)))


def who(*seen: tuple[str, str], before: Identities | None = None) -> Identities:
    known = {} if before is None else before.ids
    return identities((Seen(*one) for one in seen), known, derived)


def test_a_vm_keeps_its_id_where_its_uuid_stays() -> None:
    first = who(("vm-10", U1), ("vm-11", U2))
    assert first.ids == {"vm-10": U1, "vm-11": U2}
    registered_again = who(("vm-11", U2), ("vm-57", U1), before=first)
    assert registered_again.ids["vm-57"] == U1
    restored = who(("vm-1", U2), ("vm-2", U1))
    assert restored.ids == {"vm-2": U1, "vm-1": U2}
    assert not first.twins
    assert not restored.twins


def test_a_uuid_in_other_letters_is_the_same() -> None:
    assert who(("vm-10", " AAAAAAAA-1111-4222-8333-444455556666 ")).ids == {
        "vm-10": "aaaaaaaa-1111-4222-8333-444455556666"
    }


def test_a_copied_uuid_is_told_and_not_merged() -> None:
    before = who(("vm-10", U1))
    found = who(("vm-9", U1), ("vm-10", U1), ("vm-12", U2), before=before)
    assert found.ids == {"vm-10": U1, "vm-9": derived("vm-9"), "vm-12": U2}
    assert found.twins == {U1: (derived("vm-9"),), derived("vm-9"): (U1,)}


def test_of_two_that_nobody_knew_the_older_one_keeps_the_id() -> None:
    found = who(("vm-100", U1), ("vm-99", U1))
    assert found.ids == {"vm-99": U1, "vm-100": derived("vm-100")}


def test_of_three_each_names_both_others() -> None:
    found = who(("vm-1", U1), ("vm-2", U1), ("vm-3", U1))
    assert len(set(found.ids.values())) == 3
    assert found.twins[U1] == tuple(sorted((derived("vm-2"), derived("vm-3"))))
    assert all(len(others) == 2 for others in found.twins.values())


def test_twins_end_when_the_copy_gets_an_id_of_its_own() -> None:
    twins = who(("vm-1", U1), ("vm-2", U1))
    after = who(("vm-1", U1), ("vm-2", U3), before=twins)
    assert after == Identities({"vm-1": U1, "vm-2": U3}, {})


def test_a_vm_whose_configuration_cannot_be_read_is_still_itself() -> None:
    before = who(("vm-10", U1))
    assert who(("vm-10", ""), before=before).ids == {"vm-10": U1}
    assert who(("vm-10", "")).ids == {"vm-10": derived("vm-10")}


def test_an_unreadable_vm_and_a_copy_of_it_are_twins() -> None:
    before = who(("vm-10", U1))
    found = who(("vm-10", ""), ("vm-4", U1), before=before)
    assert found.ids == {"vm-10": U1, "vm-4": derived("vm-4")}
    assert found.twins


@pytest.mark.parametrize(
    "wrong",
    ["", "x", "0" * 36, "00000000-0000-0000-0000-000000000000",
     "ffffffff-ffff-ffff-ffff-ffffffffffff", U1[:-1], U1 + "0", f"{U1}\n<x>", "é" * 36],
)  # fmt: skip
def test_what_is_no_uuid_names_nobody(wrong: str) -> None:
    assert usable(wrong) is None
    assert who(("vm-1", wrong), ("vm-2", wrong)).ids == {
        "vm-1": derived("vm-1"),
        "vm-2": derived("vm-2"),
    }


MOIDS = st.integers(1, 12).map(lambda n: f"vm-{n}")
SEEN = st.dictionaries(MOIDS, st.sampled_from(["", "junk", U1, U2, U3]), max_size=8)


@given(SEEN, SEEN)
def test_no_two_vms_ever_share_an_id_and_order_means_nothing(
    first: dict[str, str], then: dict[str, str]
) -> None:
    before = who(*first.items())
    found = who(*then.items(), before=before)
    assert found == who(*reversed(then.items()), before=before)
    assert set(found.ids) == set(then)
    assert len(set(found.ids.values())) == len(found.ids), "two VMs were merged"
    for moid, uuid in then.items():
        bearers = [one for one, other in then.items() if other == uuid]
        if usable(uuid) and bearers == [moid] and uuid not in before.ids.values():
            assert found.ids[moid] == uuid
    shared = {key for key, others in found.twins.items() if others}
    assert shared == set(found.twins)
