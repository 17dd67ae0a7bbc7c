"""The routes that go to a server's own controller, and that adopt servers."""

from typing import Annotated, Literal

from litestar import get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.bmcs import CertificateView
from anypool.api.servers import ServerView, server_view
from anypool.api.vms import Text
from anypool.model import BootOrder, Hardware, LogEntry, MediumOrder, Sensor
from anypool.service.adoption import NewServer
from anypool.service.controllers import PowerWish

OnlySeen = Annotated[
    bool, QueryParameter(description="only say whether it would be refused, and how it is now")
]


class NewServerBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server to adopt; `fingerprint` is the SHA-256 of its BMC's certificate.

    `system` is the id or path of the server where its BMC answers for several. With `prove`
    it is tried whether addresses can be written, by writing those that are there already.
    """

    address: Text
    user: Text
    password: Text
    fingerprint: Text = ""
    system: Text = ""
    name: Text = ""
    pool: Text = "default"
    prove: bool = True


class ServerAddress(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address of a BMC."""

    address: Text


class PowerBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do to the power: `off` asks the system first, `force-off` does not."""

    to: Literal["on", "off", "force-off"]


class BootBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where to boot; `None` takes an override away. `mode` is UEFI or Legacy."""

    target: Text
    once: bool = True
    mode: Literal["", "UEFI", "Legacy"] = ""


class MediumBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image for the virtual drive of a kind, "" to take out what is in it."""

    image: Annotated[str, Meta(max_length=2000)] = ""
    kind: Text = "CD"


class SensorsView(Struct, frozen=True, kw_only=True):
    """The sensors of a server; a reading is null while a sensor says none."""

    items: tuple[Sensor, ...]


class LogView(Struct, frozen=True, kw_only=True):
    """Entries of a server's own log, the oldest first; `at` is 0 where it has no time of day."""

    items: tuple[LogEntry, ...]


@post("/servers", sync_to_thread=True)
def adopt_server(services: Use, by: By, data: JSONBody[NewServerBody]) -> ServerView:
    """Log in to a BMC, see what it answers for, and keep it; nothing is kept on failure."""
    asked = NewServer(
        address=data.address,
        user=data.user,
        password=data.password,
        fingerprint=data.fingerprint,
        system=data.system,
        name=data.name,
        pool=data.pool,
        prove=data.prove,
    )
    server = services.adopting.adopt(by, asked)
    return server_view(server, services.pool.inventory(by))


@post("/servers/certificate", status_code=200, sync_to_thread=True)
def show_server_certificate(
    services: Use, by: By, data: JSONBody[ServerAddress]
) -> CertificateView:
    """Say which certificate a BMC shows, to compare it; nothing is sent to it."""
    return CertificateView(fingerprint=services.adopting.certificate(by, data.address))


@get("/servers/{key:str}/hardware", sync_to_thread=True)
def read_hardware(services: Use, by: By, key: Key) -> Hardware:
    """Read what a server is made of, from its BMC, now; `unread` says what could not be read."""
    return services.controllers.hardware(by, key)


@get("/servers/{key:str}/sensors", sync_to_thread=True)
def read_sensors(services: Use, by: By, key: Key) -> SensorsView:
    """Read the sensors of a server, now."""
    return SensorsView(items=services.controllers.sensors(by, key))


@get("/servers/{key:str}/log", sync_to_thread=True)
def read_log(services: Use, by: By, key: Key) -> LogView:
    """Read the newest entries of a server's own log."""
    return LogView(items=services.controllers.log(by, key))


@post("/servers/{key:str}/power", status_code=200, sync_to_thread=True)
def switch_server(
    services: Use, by: By, key: Key, data: JSONBody[PowerBody], dry_run: OnlySeen = False
) -> ServerView:
    """Switch a server that was adopted, and show it as it is some seconds later."""
    server = services.controllers.switch(by, key, PowerWish(data.to), dry_run=dry_run)
    return server_view(server, services.pool.inventory(by))


@post("/servers/{key:str}/boot", status_code=200, sync_to_thread=True)
def set_boot(services: Use, by: By, key: Key, data: JSONBody[BootBody]) -> ServerView:
    """Have a server boot from elsewhere; done when its BMC tells the same."""
    order = BootOrder(target=data.target, once=data.once, mode=data.mode)
    server = services.controllers.boot(by, key, order)
    return server_view(server, services.pool.inventory(by))


@post("/servers/{key:str}/medium", status_code=200, sync_to_thread=True)
def set_medium(services: Use, by: By, key: Key, data: JSONBody[MediumBody]) -> ServerView:
    """Insert an image into a virtual drive, or take it out; done when the BMC tells the same."""
    order = MediumOrder(image=data.image, kind=data.kind)
    server = services.controllers.medium(by, key, order)
    return server_view(server, services.pool.inventory(by))


ROUTES = (
    adopt_server,
    show_server_certificate,
    read_hardware,
    read_sensors,
    read_log,
    switch_server,
    set_boot,
    set_medium,
)
