"""Images: masters that VMs are made from, in versions that are told apart by their content."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import DatastoreId, ImageId
from anypool.model.vm import Boot, Origin

DIGEST = "sha256:"
"""What every digest begins with; 64 hexadecimal digits in lower case follow."""


class CopyState(StrEnum):
    """Whether a volume is what its version says.

    UNREAD: nobody has read it as it is now. SAME: it has the version's content. CHANGED: its
    content is that of another version now. MISSING: it is not on its datastore any more.
    """

    UNREAD = "unread"
    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"


class ImageCopy(Struct, frozen=True, kw_only=True, gc=False):
    """The volume of a version on one datastore.

    `stamp` is what the platform said of it when it was read, at `read_at` (seconds since
    1970, 0 for never): while the stamp stays, nobody has written to it.
    """

    datastore: DatastoreId
    volume: str
    state: CopyState = CopyState.UNREAD
    stamp: str = ""
    read_at: float = 0.0

    @property
    def place(self) -> "Place":
        """Where it is."""
        return (self.datastore, self.volume)


Place = tuple[DatastoreId, str]
"""A datastore, and the name of a volume there."""


class ImageVersion(Struct, frozen=True, kw_only=True, gc=False):
    """One content of an image; `digest` is "" while nobody has read any copy of it.

    `size_bytes` is the size of the disk, `used_bytes` what its volume takes. `created_at`
    is when it was recorded, in seconds since 1970, 0 if that was not noted. `source` says
    where it came from. A `deprecated` version is not taken unless somebody names it.
    """

    number: int
    copies: tuple[ImageCopy, ...] = ()
    digest: str = ""
    format: str = "qcow2"
    size_bytes: int = 0
    used_bytes: int = 0
    boot: Boot | None = None
    created_at: float = 0.0
    source: str = ""
    notes: str = ""
    deprecated: bool = False

    @property
    def usable(self) -> tuple[ImageCopy, ...]:
        """The copies that VMs can be made from: what was written to must be read again first."""
        fine = {CopyState.SAME} if self.digest else {CopyState.SAME, CopyState.UNREAD}
        return tuple(copy for copy in self.copies if copy.state in fine)


class Image(Struct, frozen=True, kw_only=True, gc=False):
    """A named master; `versions` are by number, and a number is never given twice.

    `same` are numbers that turned out to be the content of an older version: pairs of the
    number and the version it stands for. `last` is the highest number that was given.
    """

    id: ImageId
    name: str
    versions: tuple[ImageVersion, ...] = ()
    memory_mib: int = 512
    description: str = ""
    same: tuple[tuple[int, int], ...] = ()
    last: int = 0

    @property
    def newest(self) -> ImageVersion | None:
        """The newest version that is not deprecated, None if there is none."""
        return next((one for one in reversed(self.versions) if not one.deprecated), None)

    @property
    def shown(self) -> ImageVersion:
        """The version that stands for the whole image: the newest, whatever it is."""
        return self.newest or (self.versions or (ImageVersion(number=0),))[-1]

    def version(self, number: int) -> ImageVersion | None:
        """Return a version by its number, or by one that stands for it; None if there is none."""
        number = dict(self.same).get(number, number)
        return next((one for one in self.versions if one.number == number), None)

    def holder(self, place: Place) -> ImageVersion | None:
        """Return the version whose content is at a place, or was when it was last there."""
        for version in self.versions:
            for copy in version.copies:
                if copy.place == place and copy.state is not CopyState.CHANGED:
                    return version
        return None

    @property
    def places(self) -> "tuple[Place, ...]":
        """Where its versions lie, each place once."""
        copies = (copy for version in self.versions for copy in version.copies)
        return tuple(dict.fromkeys(copy.place for copy in copies))

    def origin(self, version: ImageVersion) -> Origin:
        """Return what a VM made from a version remembers of it."""
        return Origin(image=self.id, version=version.number, digest=version.digest)

    def called(self, number: int) -> str:
        """Return how a version is written: `web:3`."""
        found = self.version(number)
        return f"{self.name}:{number if found is None else found.number}"
