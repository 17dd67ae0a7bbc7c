"""What the lab tells about itself; every record can be written as JSON."""

from typing import Literal

import msgspec

from anypool.errors import NotFound
from anypool.lab.spec import Accelerator, Role, Server

Mode = Literal["root", "rootless", "none"]


class MissingPackage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A Debian package (or `pip` requirement) the lab needs; `size_mb` is the rough download."""

    package: str
    needed_for: str
    size_mb: int
    source: Literal["apt", "pip"] = "apt"


class LabProbe(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether a lab can be made here, found out without downloading or changing anything.

    `mode` is none where namespaces are forbidden, and `reason` then says what was refused.
    """

    mode: Mode
    reason: str
    missing: tuple[MissingPackage, ...]
    limits: tuple[str, ...]

    @property
    def possible(self) -> bool:
        """Namespaces work and nothing is missing: a lab can be brought up now."""
        return self.mode != "none" and not self.missing


class GuestImage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The lab's own guest: absolute paths, the same on every server.

    `cmdline` is the kernel's; append `dirty=20` for a guest that dirties 20 MB/s of its
    memory, `tick=0.1` for a tick every tenth of a second.
    """

    kernel: str
    initrd: str
    disk: str
    cmdline: str
    memory_mib: int
    kernel_version: str


class AcceleratorChoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The accelerator guests run with, and how it was chosen."""

    accelerator: Literal["tcg", "kvm"]
    reason: str


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One server as the process table and its links show it now.

    `partitions` are the cuts in force, as given to `partition`; `pids` are as seen from
    outside the lab.
    """

    name: str
    role: Role
    uuid: str
    power: Literal["on", "off"]
    frozen: bool
    partitions: tuple[str, ...]
    libvirt_uri: str
    bmc_url: str
    management_address: str
    data_address: str
    pids: tuple[int, ...]
    log_dir: str


class LabStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lab as it is now; a lab that is down has no servers and no image.

    Its BMCs have one user with one password, and show one certificate.
    """

    name: str
    up: bool
    mode: Mode
    directory: str
    supervisor_pid: int | None = None
    servers: tuple[ServerStatus, ...] = ()
    accelerator: AcceleratorChoice | None = None
    image: GuestImage | None = None
    datastore_dir: str = ""
    datastore_uuid: str = ""
    console_dir: str = ""
    bmc_user: str = ""
    bmc_password_file: str = ""
    bmc_fingerprint: str = ""
    limits: tuple[str, ...] = ()


class Emulator(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One emulator process of one server; `state` is the letter of proc(5), T = stopped."""

    pid: int
    vm_uuid: str
    vm_name: str
    state: str
    cmdline: tuple[str, ...]


class KeptLab(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a lab's own folder says about it: written once by `up`, read by all its processes.

    `emulator` is the script that stands before QEMU, empty where none is needed. With `firmware`
    what hosts and spares boot from the network runs on emulated hardware.
    """

    name: str
    servers: tuple[Server, ...]
    mode: Mode
    accelerator: Accelerator
    datastore_uuid: str
    seed_dir: str
    emulator: str = ""
    wardens: bool = False
    blade_memory_mib: int = 0
    firmware: bool = False

    @property
    def rootless(self) -> bool:
        """Whether its servers run session daemons of an ordinary user."""
        return self.mode == "rootless"

    def has_warden(self, server: Server) -> bool:
        """Whether the lab puts a warden on this server; what runs on a blade is its own affair."""
        return self.wardens and server.role != "blade"

    def has_hardware(self, server: Server) -> bool:
        """Whether a server can run on emulated hardware: a blade always does."""
        return self.firmware or server.role == "blade"

    def server(self, name: str) -> Server:
        """The server called `name`; raises `NotFound`."""
        for server in self.servers:
            if server.name == name:
                return server
        raise NotFound(
            f"the lab {self.name} has no server {name}",
            hint=f"it has {', '.join(server.name for server in self.servers)}",
        )


class ServerState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the supervisor alone knows of a server: sent over the control socket."""

    name: str
    power: Literal["on", "off"]
    frozen: bool
    partitions: tuple[str, ...]
