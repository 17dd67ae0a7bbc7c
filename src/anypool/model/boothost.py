"""A boot host: who boots from it as whom, which targets it exports, which images it has."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import EndpointId, ProfileId, ServerId


class BootEntry(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A server that boots as a profile, in one epoch of it.

    `runs` is the version of its image that it took at its last start, at `served_at` (seconds
    since 1970); `next` the one that it takes at the next. 0 is none, or not yet. `host_key` is what
    it shows by SSH in this epoch, "" of one that is no hypervisor.
    """

    profile: ProfileId
    epoch: int
    server: ServerId
    name: str
    macs: tuple[str, ...]
    ip: str
    initiator: str = ""
    image: str = ""
    script: str = ""
    runs: int = 0
    next: int = 0
    served_at: float = 0.0
    problem: str = ""
    host_key: str = ""

    @property
    def mark(self) -> str:
        """Which profile it is, in which epoch."""
        return f"{self.profile}@{self.epoch}"


class BootTarget(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An iSCSI target as it was read back: whom it lets in, and who is logged in."""

    iqn: str
    disks: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


class ServerImage(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An image for servers, in versions; the current one is taken at the next start.

    `last` is the highest number that was ever given there, 0 from a program that does not say.
    """

    name: str
    versions: tuple[int, ...] = ()
    current: int = 0
    last: int = 0


class DiskCopy(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A disk that is being made for a profile, in bytes; `problem` says why it was not."""

    profile: ProfileId
    image: str
    done: int = 0
    size: int = 0
    problem: str = ""


class BootHost(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A boot host as it was read: `dhcp` and `targets_answer` say whether its parts live."""

    id: EndpointId
    entries: tuple[BootEntry, ...] = ()
    targets: tuple[BootTarget, ...] = ()
    images: tuple[ServerImage, ...] = ()
    copies: tuple[DiskCopy, ...] = ()
    problems: tuple[str, ...] = ()
    dhcp: bool = False
    targets_answer: bool = False


class ImageDeed(StrEnum):
    """What is done to an image for servers."""

    ADD = "add"
    CHOOSE = "choose"
    FORGET = "forget"
    CAPTURE = "capture"


class ImageOrder(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a boot host is to do to an image.

    ADD makes a version of files that are on the boot host, by their part: `disk.raw`, `kernel`,
    `initrd`. CAPTURE makes one of the disk of a profile whose server is off; both give it the
    number `version`, the next one of that boot host for 0. CHOOSE makes `version` the current
    one, FORGET deletes it.
    """

    deed: ImageDeed
    name: str
    version: int = 0
    parts: tuple[tuple[str, str], ...] = ()
    cmdline: str = ""
    profile: str = ""
