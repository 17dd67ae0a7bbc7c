"""The simulated pool of a demo: made once, and failures played on it. Nothing in it is real."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from anypool.errors import Invalid, NotFound
from anypool.model import (
    Endpoint,
    EndpointId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Locking,
    Pool,
    PoolId,
)
from anypool.service.access import Deed, Principal, require
from anypool.settings import Settings
from anypool.store import Store, events, facts
from anypool.store.records import DatastoreFacts, EventRecord, HostFacts, VmFacts

if TYPE_CHECKING:
    from anypool.drivers.sim.scenes import Stage

SCHEME = "sim"
POOL = PoolId("simulated")
WORLD = "simulated.world"
_OPTIONS = "keepalive_s=8"
"""A broken migration is given up sooner than by libvirt, so that one sees the end of it."""
_IMAGE_BYTES = 8 << 30


class Scene(Struct, frozen=True, kw_only=True):
    """A failure that can be played; `target` is what it happens to, "" for nothing named."""

    name: str
    target: str
    about: str


class Trouble(Struct, frozen=True, kw_only=True):
    """What is wrong at the moment, and what the simulated world itself saw of VMs.

    `ran_twice` counts moments at which a VM ran on two hosts, `lost` VMs that vanished.
    """

    now: tuple[str, ...]
    ran_twice: int
    lost: int


class Demo:
    """The use cases of a demo; where there is none, everything is `NotFound`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._stage = _stage(settings) if settings.demo else None
        self.on = settings.demo

    def scenes(self, by: Principal) -> tuple[Scene, ...]:
        """Return what can be played."""
        require(by, Deed.READ)
        self._open()
        from anypool.drivers.sim.scenes import SCENES

        return tuple(
            Scene(name=scene.name, target=scene.target, about=scene.about)
            for scene in SCENES.values()
        )

    def trouble(self, by: Principal) -> Trouble:
        """Return what is wrong at the moment."""
        require(by, Deed.READ)
        stage = self._open()
        twice, lost = stage.judged()
        return Trouble(now=stage.trouble(), ran_twice=twice, lost=lost)

    def play(self, by: Principal, scene: str, target: str) -> str:
        """Let a failure happen; return in words what happened.

        Raises `NotFound` for a scene or target there is not, `Invalid` for a target too many
        or too few, `Conflict` where it cannot happen.
        """
        require(by, Deed.OPERATE_HOST)
        happened = self._open().play(scene, target)
        played = EventRecord(kind="demo.played", message=f"played: {happened}", by=by.name)
        with self._store.writing() as tx:
            events.append(tx, played)
        return happened

    def close(self) -> None:
        """Close the world's file; harmless when repeated."""
        if self._stage is not None:
            self._stage.close()

    def _open(self) -> "Stage":
        if self._stage is None:
            raise NotFound("this is no demo", hint="`anypool demo` starts one")
        return self._stage


def _stage(settings: Settings) -> "Stage":
    from anypool.drivers.sim.scenes import Stage

    return Stage(world_file(settings))


def world_file(settings: Settings) -> Path:
    """Return where the simulated world of a demo is kept."""
    return Path(settings.state_dir).absolute() / WORLD


def furnish(store: Store, settings: Settings) -> None:
    """Make the simulated pool in a store that has no endpoints yet, in one transaction.

    Raises `Invalid` for a store with endpoints that are real: a demo says of everything it
    shows that it is simulated.
    """
    with store.reading() as tx:
        known = facts.endpoints.all(tx)
    real = next((one for one in known if one.driver != SCHEME), None)
    if real is not None:
        hint = "choose an empty state folder for a demo"
        raise Invalid(f"{settings.state_dir} is the state of a real pool ({real.uri})", hint=hint)
    if not known:
        _make(store, settings)


def _make(store: Store, settings: Settings) -> None:
    from anypool.drivers.sim import datacenter

    path = world_file(settings)
    cast = datacenter.build(path, settings.demo_hosts, settings.demo_vms)
    with store.writing() as tx:
        facts.pools.put(tx, Pool(id=POOL, description="simulated: nothing here is real"))
        for name, tags in cast.hosts.items():
            uri = f"{SCHEME}://{datacenter.NAME}/{name}?{_OPTIONS}&state={quote(str(path))}"
            facts.endpoints.put(
                tx, Endpoint(id=EndpointId(name), driver=SCHEME, uri=uri, pool=POOL)
            )
            facts.hosts.put(tx, HostFacts(host=datacenter.host_id(name), tags=tags))
        for vm, tags in cast.vms.items():
            facts.vms.put(tx, VmFacts(vm=vm, tags=tags))
        for datastore in cast.datastores:
            kept = DatastoreFacts(datastore=datastore, locking=Locking.EFFECTIVE)
            facts.datastores.put(tx, kept)
        for name, datastore, volume in cast.images:
            copy = ImageCopy(datastore=datastore, volume=volume)
            first = ImageVersion(number=1, copies=(copy,), size_bytes=_IMAGE_BYTES)
            image = Image(
                id=ImageId(name),
                name=name,
                versions=(first,),
                description="simulated",
                last=1,
            )
            facts.images.put(tx, image)
        made = f"a simulated pool of {len(cast.hosts)} hosts and {len(cast.vms)} VMs"
        events.append(tx, EventRecord(kind="demo.made", message=made))
