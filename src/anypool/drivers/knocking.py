"""Which hypervisors and BMCs answer at an address somebody names: asked without any login.

Of a bare address the usual ports are tried, of a whole one that which it names. Whoever
answers shows what has to be confirmed before a password leaves the manager.
"""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from anypool.drivers import hostkeys, registry
from anypool.drivers.presence import present
from anypool.errors import Invalid

_OPEN_S = 2.0
_TLS, _TCP, _HTTPS = 16514, 16509, 443


class Login(StrEnum):
    """What lets us in there."""

    NOTHING = "nothing"
    KEY = "key"
    PASSWORD = "password"


class Shows(StrEnum):
    """What has to be compared before anything secret is sent."""

    NOTHING = "nothing"
    HOST_KEY = "host-key"
    CERTIFICATE = "certificate"


class Answer(Struct, frozen=True, kw_only=True):
    """Somebody who answers: `uri` is how it is added, still without a user.

    `vouched` says that what it shows is known here or stood for by an authority; `changed`
    that another one was known. `server` says that it is a BMC: the server itself is adopted.
    """

    kind: str
    product: str
    uri: str
    login: Login = Login.NOTHING
    user: str = ""
    shows: Shows = Shows.NOTHING
    fingerprint: str = ""
    vouched: bool = False
    changed: bool = False
    server: bool = False


def knock(address: str) -> tuple[Answer, ...]:
    """Return who answers at an address, the likeliest first; raise `Invalid` for none that is one.

    It takes some seconds, and nothing is changed there.
    """
    text = address.strip()
    if "://" in text:
        return _named(text)
    host = _bare(text)
    tries: tuple[Callable[[], Answer | None], ...] = (
        lambda: _vsphere(host, _HTTPS),
        lambda: _ssh(f"qemu+ssh://{_written(host)}/system"),
        lambda: _libvirt(host, "qemu+tls", _TLS),
        lambda: _libvirt(host, "qemu+tcp", _TCP),
        lambda: _redfish(host, _HTTPS),
        lambda: _ipmi(host),
    )
    with ThreadPoolExecutor(len(tries), thread_name_prefix="knock") as threads:
        return tuple(found for found in threads.map(lambda one: one(), tries) if found)


def _named(uri: str) -> tuple[Answer, ...]:
    driver = registry.detect(uri)
    place = urlsplit(uri)
    host = place.hostname or ""
    found: Answer | None
    if driver == "vsphere":
        found = _vsphere(host, _port(place, _HTTPS))
    elif driver == "redfish":
        found = _redfish(host, _port(place, _HTTPS))
    elif driver == "ipmi":
        found = _ipmi(host)
    elif driver == "libvirt" and place.scheme.endswith("+ssh") and host:
        found = _ssh(uri)
    else:
        found = Answer(kind=driver, product="", uri=uri, user=place.username or "")
    return () if found is None else (found,)


def _bare(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    good = host and all(c.isalnum() or c in ".:-_" for c in host) and not host.startswith("-")
    if not good or (":" in host and host.count(":") < 2):
        hint = "write a name or number such as 10.0.4.21, or a whole address: "
        raise Invalid(
            f"{text[:80]!r} is no address",
            hint=hint + "qemu+ssh://root@HOST:2222/system, vsphere://VCENTER/, redfish://BMC",
        )
    return host


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(place: SplitResult, usual: int) -> int:
    try:
        return place.port or usual
    except ValueError as error:
        raise Invalid(f"a wrong port: {error}", hint="a number from 1 to 65535") from error


def _ssh(uri: str) -> Answer | None:
    place = urlsplit(uri)
    key = hostkeys.shown(place.hostname or "", _port(place, hostkeys.PORT))
    if key is None:
        return None
    return Answer(
        kind="libvirt-ssh",
        product="",
        uri=uri,
        login=Login.KEY,
        user=place.username or "root",
        shows=Shows.HOST_KEY,
        fingerprint=key.fingerprint,
        vouched=key.known,
        changed=key.changed,
    )


def _libvirt(host: str, scheme: str, port: int) -> Answer | None:
    try:
        socket.create_connection((host, port), _OPEN_S).close()
    except OSError:
        return None
    return Answer(
        kind="libvirt-tls" if port == _TLS else "libvirt-tcp",
        product="",
        uri=f"{scheme}://{_written(host)}/system",
    )


def _vsphere(host: str, port: int) -> Answer | None:
    found = registry.part("vsphere", "greeting").greet(host, port)
    if found is None or not found.centre:
        return None
    return Answer(
        kind="vsphere",
        product=found.product,
        uri=f"vsphere://{_written(host)}{'' if port == _HTTPS else f':{port}'}/",
        login=Login.PASSWORD,
        user="administrator@vsphere.local",
        shows=Shows.CERTIFICATE,
        fingerprint=found.fingerprint,
        vouched=found.vouched,
    )


def _redfish(host: str, port: int) -> Answer | None:
    found = registry.part("redfish", "greeting").greet(host, port)
    if found is None:
        return None
    return Answer(
        kind="redfish",
        product=found.product,
        uri=f"redfish://{_written(host)}{'' if port == _HTTPS else f':{port}'}",
        login=Login.PASSWORD,
        shows=Shows.CERTIFICATE,
        fingerprint=found.fingerprint,
        server=True,
    )


def _ipmi(host: str) -> Answer | None:
    if not present(host):
        return None
    uri = f"ipmi://{_written(host)}"
    return Answer(kind="ipmi", product="", uri=uri, login=Login.PASSWORD, server=True)
