"""Who may talk to us at all: the Host header against DNS rebinding, Origin against forgery."""

import ipaddress
import socket
from urllib.parse import urlsplit

from litestar.datastructures import Headers

from anypool.errors import Denied


def own_names() -> frozenset[str]:
    """Return the names this machine goes by, in lower case."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local"})


def check_host(headers: Headers, names: frozenset[str]) -> None:
    """Return quietly if Host is an address or one of `names`; raise `Denied`.

    A page that rebinds its own name to our address still sends its own name.
    """
    host = _host(headers.get("host", ""))
    if host in names or _is_address(host):
        return
    raise Denied(
        f"this manager is not called {host[:80]!r}",
        hint="use its address, or a name of the machine it runs on",
    )


def check_origin(headers: Headers) -> None:
    """Return quietly if a browser says that our own page sent this, or nothing; raise `Denied`."""
    origin = headers.get("origin")
    if origin is not None and not proves_own_page(headers):
        raise Denied("the request comes from another site", hint="use the manager's own page")
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Denied("the request comes from another site", hint="use the manager's own page")


def proves_own_page(headers: Headers) -> bool:
    """Return whether a browser said that our own page sent this."""
    origin = headers.get("origin")
    return origin is not None and _netloc(origin) == headers.get("host", "").lower()


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _host(value: str) -> str:
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    return value.rpartition(":")[0].lower() if ":" in value else value.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
