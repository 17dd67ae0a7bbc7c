"""Rows of the tables of physical servers, for the golden databases; no test of its own."""

from anypool.model import AdapterKind, HostId, Means, Profile, ProfileId, ServerId
from anypool.model.address import Address, AddressKind, AddressRange, AddressState
from anypool.model.profile import BootWay, IscsiTarget, Needs, ProfilePort, Tenure
from anypool.store import Tx, facts, profiles
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
