"""The routes of the BMCs of hosts."""

from litestar import delete, get, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.bmcviews import BmcView, bmc_view
from anypool.api.vms import Text
from anypool.service.bmcs import NewBmc


class BmcBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A BMC; `fingerprint` is the SHA-256 of its certificate, compared by somebody.

    `system` is the id or path of the host's system where the service has several. `vouch` says
    that it is this host's where the machines cannot say so themselves.
    """

    url: Text
    user: Text
    password: Text
    system: Text = ""
    fingerprint: Text = ""
    vouch: bool = False


class AddressBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address of a BMC."""

    url: Text


class CertificateView(Struct, frozen=True, kw_only=True):
    """The SHA-256 of the certificate that a service shows, in hex."""

    fingerprint: str


@get("/hosts/{key:str}/bmc", sync_to_thread=True)
def get_bmc(services: Use, by: By, key: Key) -> BmcView:
    """Show the BMC of a host, and what it said last."""
    return bmc_view(services.bmcs.get(by, key))


@post("/hosts/{key:str}/bmc", status_code=200, sync_to_thread=True)
def set_bmc(services: Use, by: By, key: Key, data: JSONBody[BmcBody]) -> BmcView:
    """Log in to a BMC, see that it is this host's, and keep it; nothing is kept on failure."""
    asked = NewBmc(
        url=data.url,
        user=data.user,
        password=data.password,
        system=data.system,
        fingerprint=data.fingerprint,
        vouched=data.vouch,
    )
    return bmc_view(services.bmcs.set(by, key, asked))


@delete("/hosts/{key:str}/bmc", sync_to_thread=True)
def unset_bmc(services: Use, by: By, key: Key) -> None:
    """Forget the BMC of a host; nothing is changed there."""
    services.bmcs.unset(by, key)


@post("/hosts/{key:str}/bmc/certificate", status_code=200, sync_to_thread=True)
def show_certificate(
    services: Use, by: By, key: Key, data: JSONBody[AddressBody]
) -> CertificateView:
    """Say which certificate a service shows, to compare it; nothing is sent to the service."""
    return CertificateView(fingerprint=services.bmcs.certificate(by, key, data.url))


ROUTES = (get_bmc, set_bmc, unset_bmc, show_certificate)
