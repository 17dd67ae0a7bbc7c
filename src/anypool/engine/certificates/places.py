"""Where the certificates are that conversations rest on, and what lies or is shown there.

A server is asked for its certificate and told nothing: neither who we are nor what we want.
"""

import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from anypool.engine.certificates.judging import Seen
from anypool.engine.notifying.addresses import Target
from anypool.engine.notifying.dialling import dialled, said
from anypool.errors import AnypoolError
from anypool.model import Bmc, Endpoint, plain_fingerprint, split_address
from anypool.store.certificates import Known

LOOK_S = 10.0
_LIBVIRT_TLS, _HTTPS = 16514, 443
_PINNED = ("vsphere", "redfish")


def known_places(endpoints: Iterable[Endpoint], bmcs: Iterable[tuple[Bmc, str]]) -> list[Known]:
    """Return what is to be looked at: of endpoints, of BMCs with the names of their hosts."""
    found = {one.id: one for endpoint in endpoints for one in _of_endpoint(endpoint)}
    for bmc, name in bmcs:
        key = f"bmc:{bmc.host}"
        host, port = split_address(bmc.url)
        found[key] = Known(
            id=key, what=f"the BMC of {name}", place=_place(host, port), pinned=bmc.fingerprint
        )
    return [found[key] for key in sorted(found)]


def _of_endpoint(endpoint: Endpoint) -> Iterator[Known]:
    parts = urlsplit(endpoint.uri)
    key, what, host = f"endpoint:{endpoint.id}", f"endpoint {endpoint.id}", parts.hostname
    if parts.scheme in _PINNED and host:
        pinned = plain_fingerprint(dict(endpoint.options).get("fingerprint", ""))
        yield Known(id=key, what=what, place=_place(host, parts.port or _HTTPS), pinned=pinned)
    transport = parts.scheme.partition("+")[2]
    if endpoint.driver == "libvirt" and host and transport in ("", "tls"):
        yield Known(id=key, what=what, place=_place(host, parts.port or _LIBVIRT_TLS))
        file = client_files(endpoint.uri)[0]
        client = f"the client of libvirt on this machine ({file})"
        yield Known(id=f"client:{file}", what=client, place=str(file))


def client_files(uri: str, *, root: bool | None = None) -> tuple[Path, Path]:
    """Return where libvirt takes certificate and key from to connect to an address."""
    given = parse_qs(urlsplit(uri).query).get("pkipath")
    if given:
        return Path(given[0]) / "clientcert.pem", Path(given[0]) / "clientkey.pem"
    mine = Path.home() / ".pki" / "libvirt"
    root = os.geteuid() == 0 if root is None else root
    if not root and (mine / "clientcert.pem").exists():
        return mine / "clientcert.pem", mine / "clientkey.pem"
    pki = Path("/etc/pki/libvirt")
    return pki / "clientcert.pem", pki / "private" / "clientkey.pem"


def look(known: Known) -> Seen:
    """Return what a place shows now; never raises for what may go wrong there."""
    try:
        if known.id.startswith("client:"):
            return _seen(Path(known.place).read_bytes())
        return _shown(known.place)
    except AnypoolError as error:
        return Seen(error=error.message)
    except (OSError, ValueError) as error:
        return Seen(error=f"{known.place}: {said(error)}")


def _shown(place: str) -> Seen:
    host, _, port = place.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family, _, _, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    target = Target(host, str(where[0]), int(port), int(family))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at; nothing is sent to it
    with (
        dialled(target, whole_s=LOOK_S) as sock,
        closing(context.wrap_socket(sock, server_hostname=host)) as tls,
    ):
        return _seen(tls.getpeercert(binary_form=True) or b"")


def _seen(content: bytes) -> Seen:
    pem = content.lstrip().startswith(b"-----") or b"-----BEGIN" in content
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    found = load(content)
    return Seen(
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        subject=found.subject.rfc4514_string()[:200],
        until=found.not_valid_after_utc.timestamp(),
    )


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
