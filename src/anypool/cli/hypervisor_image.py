"""`anypool boot-service image build-hypervisor`: the image of servers that become hosts."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.terminal import note, out
from anypool.hypervisor import build as building


def build_hypervisor(
    into: Path,
    /,
    *,
    size_gib: Annotated[int, Parameter(help="size of the disk")] = 4,
    package: Annotated[
        tuple[str, ...], Parameter(negative="", help="one more package; may be repeated")
    ] = (),
    customize: Annotated[
        Path | None, Parameter(help="a program that is run with the folder of its root file system")
    ] = None,
) -> None:
    """Make the image of a hypervisor that joins its pool, of Debian's packages, on this machine.

    Needs root, mmdebstrap and e2fsprogs; downloads about 300 MB. Three files come into the
    folder: copy them into the import folder of a boot host.
    """
    building.build(into, note, size_gib=size_gib, also=package, customize=customize)
    disk, kernel, initrd = building.PARTS
    out().print(f"{into}: {disk}, {kernel}, {initrd}", markup=False)
    note("once they are in /var/lib/anypool-boot/import on the boot host:")
    words = f"--disk {disk} --kernel {kernel} --initrd {initrd} --cmdline '{building.CMDLINE}'"
    note(f"anypool boot-service image add hypervisor {words}")
