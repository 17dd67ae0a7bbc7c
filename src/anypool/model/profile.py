"""A profile: the movable identity of a server, made before any server is there."""

import hashlib
from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import HostId, ProfileId, ServerId, VmId
from anypool.model.policy import Level
from anypool.model.probe import Probe
from anypool.model.server import AdapterKind


class BootWay(StrEnum):
    """What a server boots from."""

    DISK = "disk"
    NETWORK = "network"
    ISCSI = "iscsi"
    FC = "fc"


class Means(StrEnum):
    """How an identity comes to a server.

    ADDRESSES are written into its adapters through the BMC. With NETBOOT the server keeps its
    own, and the boot service hands it the identity: DHCP entry, boot script, initiator name.
    With VM no server bears it, but a virtual machine with its MACs and no disk of its own.
    """

    ADDRESSES = "addresses"
    VM = "vm"
    NETBOOT = "netboot"


class ProfilePort(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A port as LAN or SAN know it: `nic1` is the first Ethernet port, `hba2` the second of FC.

    `node` is the WWNN of an FC port; `networks` names what it must reach: networks, or a fabric.
    """

    id: str
    kind: AdapterKind
    address: str
    node: str = ""
    networks: tuple[str, ...] = ()


class IscsiTarget(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An iSCSI target to boot from."""

    iqn: str
    address: str
    port: int = 3260
    lun: int = 0


class FcTarget(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An FC target to boot from."""

    wwpn: str
    lun: int = 0


class Needs(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a server must have beside ports; 0 and "" ask for nothing."""

    arch: str = ""
    cpus: int = 0
    memory_mib: int = 0


class Identity(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What is written into one server: all that makes it the one that others know.

    `epoch` counts the servers that have borne it; `bios` are settings that are wished. `macs`
    are those that the server boots with, for the boot service; `keys` are public SSH keys of who
    may log in to a hypervisor.
    """

    profile: ProfileId
    name: str
    epoch: int = 0
    means: Means = Means.ADDRESSES
    ports: tuple[ProfilePort, ...] = ()
    initiator: str = ""
    iscsi: tuple[IscsiTarget, ...] = ()
    fc: tuple[FcTarget, ...] = ()
    boot: tuple[BootWay, ...] = ()
    bios: tuple[tuple[str, str], ...] = ()
    ip: str = ""
    script: str = ""
    image: str = ""
    macs: tuple[str, ...] = ()
    hypervisor: bool = False
    keys: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """How a server that bears it says so."""
        return mark_of(self.profile, self.epoch)


def mark_of(profile: ProfileId, epoch: int) -> str:
    """Return how a server says which profile it bears, of which epoch."""
    return f"{profile}@{epoch}"


class Profile(Struct, frozen=True, kw_only=True, gc=False):
    """The movable identity of a server, and who bears it.

    `server` owns it since epoch `epoch`, from before anything is written into it until it was
    seen to be off and the identity withdrawn; None if no server does. `means` is how it was
    given; with VM, `server` is the id of a virtual machine, and so never free by mistake.
    `slot` is where it is to be, `CHASSIS/SLOT`, whether or not a server stands there.
    `probe` is asked whether what runs on it works. `failover` is what happens when its server
    fails: nothing, a word (MANUAL) or a plan that runs (AUTOMATIC).
    `ip`, `script` (what is chained to, an address of iPXE) and `image` (`NAME`, of which it
    takes the current version at each start, or `NAME:VERSION`) are for the boot service. With
    `hypervisor` what it boots is one, which joins its pool as a host.
    """

    id: ProfileId
    name: str
    description: str = ""
    pool: str = "default"
    ports: tuple[ProfilePort, ...] = ()
    initiator: str = ""
    iscsi: tuple[IscsiTarget, ...] = ()
    fc: tuple[FcTarget, ...] = ()
    boot: tuple[BootWay, ...] = ()
    bios: tuple[tuple[str, str], ...] = ()
    needs: Needs = Needs()
    ip: str = ""
    script: str = ""
    probe: Probe = Probe()
    failover: Level = Level.DISABLED
    image: str = ""
    hypervisor: bool = False
    tags: frozenset[str] = frozenset()
    slot: str = ""
    server: ServerId | None = None
    epoch: int = 0
    means: Means | None = None

    def ports_of(self, kind: AdapterKind) -> tuple[ProfilePort, ...]:
        """Return the ports of one kind, in order."""
        return tuple(port for port in self.ports if port.kind is kind)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All MACs, WWPNs and WWNNs of it."""
        found = (text for port in self.ports for text in (port.address, port.node))
        return tuple(dict.fromkeys(text for text in found if text))

    @property
    def vm(self) -> VmId | None:
        """The virtual machine that bears it, None if none does."""
        virtual = self.means is Means.VM and self.server is not None
        return VmId(self.server or "") if virtual else None

    @property
    def machine(self) -> ServerId | None:
        """The physical server that bears it, None if none does."""
        return None if self.means is Means.VM else self.server

    @property
    def virtual_macs(self) -> tuple[str, ...]:
        """The MACs of a virtual machine that bears it: always the same, also of one without."""
        mine = [one.address.lower() for one in self.ports_of(AdapterKind.ETHERNET)]
        if any(mine):
            return tuple(filter(None, mine))
        return (f"02:{hashlib.sha256(self.id.encode()).digest()[:5].hex(':')}",)

    def identity(self, epoch: int, means: Means = Means.ADDRESSES) -> Identity:
        """Return what is written into the server that owns it in an epoch."""
        return Identity(
            profile=self.id,
            name=self.name,
            epoch=epoch,
            means=means,
            ports=self.ports,
            initiator=self.initiator,
            iscsi=self.iscsi,
            fc=self.fc,
            boot=self.boot,
            bios=self.bios,
            ip=self.ip,
            script=self.script,
            image=self.image,
            hypervisor=self.hypervisor,
        )


def bearer_of(vm: VmId) -> ServerId:
    """Return how the owner of a profile is called that is a virtual machine."""
    return ServerId(HostId(vm))


def boots_there(profile: Profile | Identity) -> bool:
    """Return whether a profile asks something of a boot host."""
    return bool(profile.ip and (profile.image or profile.script or profile.iscsi))


class Tenure(Struct, frozen=True, kw_only=True, gc=False):
    """Who had a profile in one epoch: from when until when, by whose order and which plan.

    `server` is a server, or a virtual machine.

    `ended_at` is 0 while it lasts; `proof` says how it was known then that the server was off.
    """

    profile: ProfileId
    epoch: int
    server: ServerId
    server_name: str
    by: str
    plan: str
    began_at: float
    ended_at: float = 0.0
    proof: str = ""
