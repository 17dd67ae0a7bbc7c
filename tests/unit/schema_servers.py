"""Rows of the tables of physical servers, for the golden databases; no test of its own."""

from anypool.model import AdapterKind, HostId, Means, Profile, ProfileId, ServerId
from anypool.model.address import Address, AddressKind, AddressRange, AddressState
from anypool.model.calendar import (
    Calendar,
    CalendarId,
    Hold,
    Memory,
    OneOff,
    OnLoad,
    Purpose,
    Span,
)
from anypool.model.profile import BootWay, IscsiTarget, Needs, ProfilePort, Tenure
from anypool.plan import reason
from anypool.store import Tx, calendars, facts, profiles
from anypool.store.records import ServerFacts

BLADE = ServerId(HostId("s1"))
FIRST = "02:00:00:00:01:00"


def servers(tx: Tx) -> None:
    """Write what is ours of a server, and the profile that it bears."""
    kept = ServerFacts(server=BLADE, spare=True, chassis="bx1", slot="3", tags=frozenset({"blue"}))
    facts.servers.put(tx, kept)
    lan = AddressRange(id="lan", kind=AddressKind.MAC, first=FIRST, last="02:00:00:00:01:ff")
    facts.address_ranges.put(tx, lan)
    profile = Profile(
        id=ProfileId("profile-1"),
        name="db1",
        ports=(ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address=FIRST),),
        initiator="iqn.2026-11.local.anypool:db1",
        iscsi=(IscsiTarget(iqn="iqn.2026-11.local.store:db1", address="10.0.0.5"),),
        boot=(BootWay.ISCSI,),
        bios=(("PowerProfile", "Performance"),),
        needs=Needs(memory_mib=65536),
        slot="bx1/3",
        image="web:3",
        hypervisor=True,
    )
    facts.profiles.put(tx, profile)
    given = Address(
        kind=AddressKind.MAC,
        address=FIRST,
        state=AddressState.RESERVED,
        profile=profile.id,
        use="nic1",
        since=tx.now,
    )
    profiles.reserve(tx, (given,))
    tenure = Tenure(
        profile=profile.id, epoch=1, server=BLADE, server_name="blade1", by="ada", plan="plan-1",
        began_at=tx.now,
    )  # fmt: skip
    profiles.own(tx, tenure, Means.ADDRESSES)
    _calendar(tx, profile.id)


def _calendar(tx: Tx, profile: ProfileId) -> None:
    """Write a calendar with all that it can have, and how it stands."""
    made = Calendar(
        id=CalendarId("blades"),
        servers="tag = blue",
        zone="Europe/Berlin",
        purposes=(Purpose(name="reporting", profiles=(profile,)), Purpose(name="rest", hosts=True)),
        spans=(Span(purpose="reporting", when="sat-sun"),),
        otherwise="rest",
        exceptions=(OneOff(purpose="rest", when="2026-12-25", words="nobody is there"),),
        on_load=OnLoad(hosts="tag = hot", profiles=(ProfileId("profile-2"),), yields=(profile,)),
        hold=Hold(since=tx.now, until=tx.now + 60, by="ada"),
        changed_at=tx.now,
    )
    calendars.calendars.put(tx, made)
    memory = Memory(homes={profile: BLADE}, closed=frozenset({HostId("s1")}))
    standing = calendars.Standing(
        calendar=made.id, purpose="reporting", since=tx.now, memory=memory, turns=(tx.now,),
        said=reason("calendar.settled", purpose="reporting"),
    )  # fmt: skip
    calendars.standings.put(tx, standing)
