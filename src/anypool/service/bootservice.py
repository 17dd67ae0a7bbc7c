"""The boot service: how boot hosts stand, bringing them into line, their images."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.observing.boothosts import DRIVER
from anypool.errors import Busy, Conflict, Invalid, NotFound
from anypool.model import Endpoint, EndpointId, EndpointState, Means, Profile
from anypool.model.boothost import BootHost, ImageDeed, ImageOrder
from anypool.model.catalogue import next_number
from anypool.plan import ApplyProfile, WithdrawProfile
from anypool.planner.profiles.booting import Amiss, Difference, differences
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_text
from anypool.service.profiles import Profiles, ProfileWish

MOST_AT_ONCE = 500


class BootStatus(Struct, frozen=True, kw_only=True):
    """A boot host as it is: `host` is None while it was never read.

    `answers` says whether it did when it was asked last; else `message` says why not, and what
    is shown is what was read before.
    """

    endpoint: Endpoint
    answers: bool
    message: str
    host: BootHost | None
    amiss: tuple[Difference, ...] = ()


class BootService:
    """The use cases of boot hosts."""

    def __init__(self, engine: Engine, profiles: Profiles) -> None:
        self._engine = engine
        self._profiles = profiles

    def list(self, by: Principal) -> tuple[BootStatus, ...]:
        """Return every boot host with what is amiss, as it was read last."""
        require(by, Deed.READ)
        return tuple(self._status(one) for one in self._engine.endpoints() if one.driver == DRIVER)

    def get(self, by: Principal, key: str) -> BootStatus:
        """Return one boot host; raise `NotFound`."""
        for one in self.list(by):
            if one.endpoint.id == key:
                return one
        hint = "`anypool boot-service status` shows them"
        raise NotFound(f"there is no boot host {key[:80]!r}", hint=hint)

    def look(self, by: Principal, key: str) -> BootStatus:
        """Read a boot host now, and return it; raise what the driver raises."""
        endpoint = self.get(by, key).endpoint
        self._engine.servers.look(endpoint.id)
        return self.get(by, key)

    def configure(self, by: Principal, key: str, *, dry_run: bool) -> tuple[Difference, ...]:
        """Have a boot host serve what the profiles say; return what was amiss.

        What belongs to nobody any more goes first. Entries of profiles that are not known here
        are left alone. Raises `Busy` while a run works with one of them, and what the boot
        host refuses: what was done before stays done.
        """
        require(by, Deed.OPERATE_HOST)
        self._engine.must_lead()
        found = self.look(by, key)
        todo = [one for one in found.amiss if one.what is not Amiss.STRANGE]
        if dry_run:
            return tuple(todo)
        busy = self._busy()
        for one in sorted(todo, key=lambda one: one.what is not Amiss.STALE):
            if one.profile in busy:
                hint = "wait for it: it brings its own boot host into line"
                raise Busy(f"a run works with {one.profile}", hint=hint)
            self._mend(found.endpoint.id, one, by)
        self._engine.servers.look(found.endpoint.id)
        return tuple(todo)

    def change_image(self, by: Principal, key: str, order: ImageOrder) -> int:
        """Add, choose, forget or capture an image; return the number of the version."""
        require(by, Deed.MANAGE_STORAGE)
        self._engine.must_lead()
        found = self.get(by, key)
        checked_text(order.name, "the image", 63)
        if order.deed is ImageDeed.FORGET:
            self._check_unused(f"{order.name}:{order.version}")
        if order.deed is ImageDeed.CAPTURE:
            profile = find.profile(self._engine.inventory, order.profile)
            order = replace(order, profile=profile.id)
        if order.deed in (ImageDeed.ADD, ImageDeed.CAPTURE):
            order = replace(order, version=self._number(order))
        version = self._engine.servers.change_image(found.endpoint.id, order, by.name)
        self._engine.servers.look(found.endpoint.id)
        return version

    def deploy(
        self, by: Principal, key: str, image: str, profiles: tuple[str, ...]
    ) -> tuple[Difference, ...]:
        """Have many profiles boot an image from their next start on; return what was changed.

        Their disks are made at once, some at a time. Raises `Invalid` for an image that the boot
        host has not, before anything is changed.
        """
        require(by, Deed.MANAGE_PROFILES)
        self._engine.must_lead()
        if not 0 < len(profiles) <= MOST_AT_ONCE:
            raise Invalid("an image is deployed to profiles", hint=f"1 to {MOST_AT_ONCE} of them")
        self._check_there(self.look(by, key), image)
        inventory = self._engine.inventory
        for one in tuple(find.profile(inventory, name) for name in profiles):
            if one.image != image:
                self._profiles.change(by, one.id, ProfileWish(image=image))
        return self.configure(by, key, dry_run=False)

    def _check_there(self, found: BootStatus, image: str) -> None:
        name, _, version = image.partition(":")
        known = {} if found.host is None else {one.name: one for one in found.host.images}
        there = known.get(name)
        if there is None or (version and version not in map(str, there.versions)):
            names = ", ".join(sorted(known)) or "none"
            raise Invalid(
                f"{found.endpoint.id} has no image {image[:80]}", hint=f"there are: {names}"
            )

    def _number(self, order: ImageOrder) -> int:
        """Return the number a new version gets: as asked, else one that no image has had."""
        if order.version:
            return order.version
        hosts = (host for _, host in self._engine.servers.boot_hosts().values())
        return next_number(order.name, self._engine.inventory.images.values(), hosts)

    def _check_unused(self, image: str) -> None:
        users = [one.name for one in self._engine.inventory.profiles.values() if one.image == image]
        if users:
            hint = "let it boot another version first: `anypool profile edit --image`"
            raise Conflict(f"{users[0]} boots {image}", hint=hint)

    def _status(self, endpoint: Endpoint) -> BootStatus:
        pool_and_host = self._engine.servers.boot_hosts().get(endpoint.id)
        health = next((one for one in self._engine.health() if one.id == endpoint.id), None)
        answers = health is not None and health.state is EndpointState.CONNECTED
        host = None if pool_and_host is None else pool_and_host[1]
        inventory = self._engine.inventory
        return BootStatus(
            endpoint=endpoint,
            answers=answers,
            message="" if health is None or answers else health.message,
            host=host,
            amiss=() if host is None else differences(inventory, endpoint.pool, host),
        )

    def _busy(self) -> frozenset[str]:
        pending = self._engine.servers.profiles.pending()
        return frozenset(
            one.profile for one in pending if isinstance(one, ApplyProfile | WithdrawProfile)
        )

    def _mend(self, endpoint: EndpointId, one: Difference, by: Principal) -> None:
        if one.what is Amiss.STALE:
            self._engine.servers.leave(endpoint, (one.profile, one.server), by.name)
            return
        profile: Profile = self._engine.inventory.profile(one.profile)
        identity = profile.identity(profile.epoch, profile.means or Means.NETBOOT)
        self._engine.servers.enter(endpoint, one.server, identity, by.name)
