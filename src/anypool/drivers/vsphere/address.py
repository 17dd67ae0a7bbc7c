"""What is in an endpoint's address, `vsphere://USER@VCENTER[:PORT]/`: always https inside."""

from urllib.parse import unquote, urlsplit

from anypool.errors import Invalid

EXAMPLE = "vsphere://administrator@vsphere.local@VCENTER/"
PORT = 443


class Address:
    """An endpoint's URI taken apart."""

    def __init__(self, uri: str) -> None:
        """Raise `Invalid` when it names no vCenter."""
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as problem:
            raise Invalid(f"{uri!r} is no address: {problem}", hint=f"such as {EXAMPLE}") from None
        if parts.scheme != "vsphere" or not parts.hostname:
            raise Invalid(f"{uri!r} names no vCenter", hint=f"such as {EXAMPLE}")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise Invalid(
                f"{uri!r} has more than the name of a vCenter",
                hint=f"such as {EXAMPLE}; all of its datacenters are read",
            )
        self.host = parts.hostname
        self.port = port or PORT
        self.user = unquote(parts.username or "")

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return self.host if self.port == PORT else f"{self.host}:{self.port}"
