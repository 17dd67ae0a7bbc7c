"""How long a call to a worker may take."""

from msgspec.structs import replace

from anypool.drivers.limits import DEADLINES_S, Limits
from anypool.model import DatastoreId, DiskWish, HostId, VmId, VmWish


def test_a_copy_gets_the_time_that_its_size_takes() -> None:
    limits = Limits(copy_bytes_s=1_000_000)
    usual_s = DEADLINES_S["create_vm"]
    disk = DiskWish(
        target="vda", datastore=DatastoreId("d"), size_bytes=90_000_000, volume="v", base="image"
    )
    wish = VmWish(id=VmId("v"), name="v", disks=(disk,))
    assert limits.deadline_s("create_vm", (wish, HostId("h"), "tag")) == usual_s
    wish = replace(wish, disks=(replace(disk, format="raw"), replace(disk, base="", format="raw")))
    assert limits.deadline_s("create_vm", (wish, HostId("h"), "tag")) == usual_s + 90
