"""The routes of certificates."""

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.api.views import time_or_none
from anypool.api.vms import Text
from anypool.service.certificates import Standing


class CertificateView(Struct, frozen=True, kw_only=True):
    """A certificate as it was seen last, of `what`, in a file or shown at a `place`.

    `pinned` is the only one that is trusted there, null where authorities vouch; `state` is
    good, ends soon, expired, changed (it is not the pinned one) or unknown, then `error` says
    why. `until` is null while none was seen.
    """

    id: str
    what: str
    place: str
    state: str
    until: float | None
    subject: str
    fingerprint: str
    pinned: str | None
    looked_at: float | None
    error: str


class CertificatesView(Struct, frozen=True, kw_only=True):
    """All certificates by id."""

    items: tuple[CertificateView, ...]
    total: int


class RenewBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the manager's own certificate is renewed; with a new key everybody is asked again."""

    new_key: bool = False


class ConfirmBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The SHA-256 of the certificate that somebody compared."""

    fingerprint: Text


def _view(one: Standing) -> CertificateView:
    known = one.known
    return CertificateView(
        id=known.id,
        what=known.what,
        place=known.place,
        state=one.state,
        until=time_or_none(known.until),
        subject=known.subject,
        fingerprint=known.fingerprint,
        pinned=known.pinned or None,
        looked_at=time_or_none(known.looked_at),
        error=known.error,
    )


def _all(found: tuple[Standing, ...]) -> CertificatesView:
    items = tuple(map(_view, found))
    return CertificatesView(items=items, total=len(items))


@get("/certificates", sync_to_thread=True)
def list_certificates(services: Use, by: By) -> CertificatesView:
    """List the certificates that conversations rest on, as they were seen last."""
    return _all(services.certificates.list(by))


@post("/certificates/look", status_code=200, sync_to_thread=True)
def look_at_certificates(services: Use, by: By) -> CertificatesView:
    """Look at all of them now."""
    return _all(services.certificates.look(by))


@post("/certificates/renew", status_code=200, sync_to_thread=True)
def renew_certificate(services: Use, by: By, data: JSONBody[RenewBody]) -> CertificatesView:
    """Make another certificate for the manager, where it shows one of its own making."""
    return _all(services.certificates.renew(by, new_key=data.new_key))


@post("/certificates/{key:str}/confirm", status_code=200, sync_to_thread=True)
def confirm_certificate(
    services: Use, by: By, key: Key, data: JSONBody[ConfirmBody]
) -> CertificateView:
    """Trust another certificate of a BMC or a vCenter, which must show it now."""
    return _view(services.certificates.confirm(by, key, data.fingerprint))


ROUTES = (list_certificates, look_at_certificates, renew_certificate, confirm_certificate)
