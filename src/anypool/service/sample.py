"""A sample pool: simulated hosts beside nothing or beside real ones, made and removed at once.

Everything in it is in a pool of its own, called `sample`, behind one endpoint of the simulator.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Conflict, NotFound
from anypool.model import (
    Datastore,
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
from anypool.service.datastores import Datastores
from anypool.service.demo import SCHEME
from anypool.settings import Settings
from anypool.store.records import HostFacts, VmFacts

if TYPE_CHECKING:
    from anypool.drivers.sim.datacenter import Cast

NAME = "sample"
HOSTS, VMS = 12, 120
_IMAGE_BYTES = 8 << 30


class Standing(Struct, frozen=True, kw_only=True):
    """Whether there is a sample pool, and how large one is."""

    there: bool
    hosts: int = HOSTS
    vms: int = VMS


class Sample:
    """The use cases of the sample pool."""

    def __init__(self, engine: Engine, datastores: Datastores, settings: Settings) -> None:
        self._engine = engine
        self._datastores = datastores
        self._settings = settings
        self._changing = threading.Lock()

    def standing(self, by: Principal) -> Standing:
        """Say whether there is one."""
        require(by, Deed.READ)
        return Standing(there=self._there())

    def open(self, by: Principal) -> Standing:
        """Make it; raise `Conflict` if there is one, or something else bears its name."""
        require(by, Deed.MANAGE_ENDPOINTS)
        with self._changing:
            if self._there():
                raise Conflict("the sample pool is there already", hint="look at its hosts")
            if any(one.id == NAME for one in self._engine.pools.all()):
                hint = "it is not the simulator's: give your own pool another name"
                raise Conflict(f"there is a pool {NAME} already", hint=hint)
            self._make(by)
        return self.standing(by)

    def close(self, by: Principal) -> None:
        """Take all of it away; raise `NotFound` if there is none, `Busy` while plans run there."""
        require(by, Deed.MANAGE_ENDPOINTS)
        with self._changing:
            if not self._there():
                raise NotFound("there is no sample pool", hint="`anypool pool sample` makes it")
            stores = {one.id for one in self._mine()}
            images = [
                image.id
                for image in self._engine.inventory.images.values()
                if any(copy.datastore in stores for one in image.versions for copy in one.copies)
            ]
            self._engine.remove_endpoint(EndpointId(NAME), by.name)
            for image in images:
                self._engine.images.remove(image, by.name)
            self._engine.pools.remove(PoolId(NAME), by.name)
            self._file().unlink(missing_ok=True)

    def _there(self) -> bool:
        return any(one.id == NAME and one.driver == SCHEME for one in self._engine.endpoints())

    def _file(self) -> Path:
        return Path(self._settings.state_dir).absolute() / f"{NAME}.world"

    def _make(self, by: Principal) -> None:
        from anypool.drivers.sim import datacenter

        self._file().unlink(missing_ok=True)
        cast = datacenter.build(self._file(), HOSTS, VMS, NAME)
        pool = Pool(id=PoolId(NAME), description="simulated: nothing here is real")
        self._engine.pools.add(pool, by.name)
        uri = f"{SCHEME}://{NAME}?keepalive_s=8&state={quote(str(self._file()))}"
        endpoint = Endpoint(id=EndpointId(NAME), driver=SCHEME, uri=uri, pool=PoolId(NAME))
        try:
            self._engine.add_endpoint(endpoint, "", by.name)
        except BaseException:
            self._engine.pools.remove(PoolId(NAME), by.name)
            raise
        self._furnish(by, cast)

    def _furnish(self, by: Principal, cast: "Cast") -> None:
        """Put the tags, the word about locks and the images there, as in a real pool."""
        from anypool.drivers.sim import datacenter

        for name, tags in cast.hosts.items():
            host = datacenter.host_id(name, NAME)
            self._engine.set_host_facts(HostFacts(host=host, tags=tags), by.name)
        for vm, tags in cast.vms.items():
            if vm in self._engine.inventory.vms:
                self._engine.set_vm_facts(VmFacts(vm=vm, tags=tags), by.name)
        for store in self._mine():
            if store.shared:
                self._datastores.change(by, store.id, tags=None, locking=Locking.EFFECTIVE)
        for name, datastore, volume in cast.images:
            copy = ImageCopy(datastore=datastore, volume=volume)
            first = ImageVersion(number=1, copies=(copy,), size_bytes=_IMAGE_BYTES)
            self._engine.images.add(
                Image(
                    id=ImageId(f"{NAME}-{name}"),
                    name=f"{NAME}-{name}",
                    versions=(first,),
                    description="simulated",
                    last=1,
                ),
                by.name,
            )

    def _mine(self) -> list[Datastore]:
        known = self._engine.inventory
        mine = [host for host in known.hosts.values() if host.endpoint == NAME]
        ids = {store for host in mine for store in host.datastores}
        return [known.datastores[key] for key in ids if key in known.datastores]
