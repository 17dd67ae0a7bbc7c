"""What is in an endpoint's address: how it is reached, and how its peers reach it."""

from urllib.parse import SplitResult, urlsplit, urlunsplit

from anypool.errors import Invalid
from anypool.model import Endpoint

SCHEMES = frozenset({"qemu", "xen", "lxc", "test", "ch", "vbox", "vz", "bhyve"})
_PORTS = {"tcp": 16509, "tls": 16514}


class Address:
    """An endpoint's URI taken apart: `scheme` (qemu), `transport` ("" if local), `host`."""

    def __init__(self, uri: str) -> None:
        """Raise `Invalid` when the text is no URI."""
        try:
            self._parts: SplitResult = urlsplit(uri)
            port = self._parts.port
        except ValueError as problem:
            raise Invalid(
                f"{uri!r} is no address: {problem}", hint="such as qemu+tls://HOST/system"
            ) from problem
        self._uri = uri
        scheme, _, transport = self._parts.scheme.partition("+")
        if scheme not in SCHEMES or any(character.isspace() for character in uri):
            raise Invalid(f"{uri!r} is no libvirt address", hint="such as qemu+tls://HOST/system")
        self.scheme = scheme
        self.host = self._parts.hostname or ""
        self.transport = transport or ("tls" if self.host else "")
        self.user = self._parts.username or ""
        self.port = port or _PORTS.get(self.transport, 0)

    def to_open(self, command: str = "") -> str:
        """The URI to hand to libvirt: ssh must never stop to ask a question.

        `command` is what is run instead of ssh, "" for that itself.
        """
        if self.transport != "ssh" or ("no_tty" in self._parts.query and not command):
            return self._uri
        more = ("no_tty=1", f"command={command}" if command else "")
        query = "&".join(part for part in (self._parts.query, *more) if part)
        return urlunsplit(self._parts._replace(query=query))

    def probe(self) -> tuple[str, int] | None:
        """Host and port that must accept a connection, None where one cannot tell."""
        return (self.host, self.port) if self.host and self.transport in _PORTS else None


def peer_uri(endpoint: Endpoint) -> str:
    """The URI by which another host reaches this one; "" where none can."""
    chosen = dict(endpoint.options).get("peer_uri", "")
    if chosen:
        return chosen
    address = Address(endpoint.uri)
    if "host_key" in dict(endpoint.options):
        return f"qemu+libssh://root@{address.host}/system"  # opened by who is invited, no longer
    return endpoint.uri if address.host and address.transport in ("tcp", "tls", "ssh") else ""


def peer_address(endpoint: Endpoint) -> str:
    """The host name or IP address in `peer_uri`."""
    uri = peer_uri(endpoint)
    return Address(uri).host if uri else ""
