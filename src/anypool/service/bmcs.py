"""The BMCs of hosts: what is trusted, which machine each is of, what they said last."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.observing.bmcs import Trial
from anypool.errors import Conflict, Denied, Invalid, NotFound
from anypool.model import (
    Bmc,
    Host,
    HostId,
    HostState,
    KnownBmc,
    Power,
    PowerReading,
    checked_fingerprint,
    same_hardware,
    split_address,
)
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.names import checked_text


class NewBmc(Struct, frozen=True, kw_only=True):
    """A BMC to give to a host; the password is kept encrypted and never shown again.

    `fingerprint` is the SHA-256 of the certificate that somebody confirmed. `vouched` says
    that somebody knows it to be this host's where the machines cannot say so themselves.
    """

    url: str
    user: str
    password: str
    system: str = ""
    fingerprint: str = ""
    vouched: bool = False


class Bmcs:
    """The use cases of BMCs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, by: Principal) -> Mapping[HostId, KnownBmc]:
        """Return every BMC by its host, with what it said last."""
        require(by, Deed.READ)
        return {one.bmc.host: one for one in self._engine.bmcs.all()}

    def get(self, by: Principal, key: str) -> KnownBmc:
        """Return the BMC of a host; raise `NotFound` for the host, or where it has none."""
        require(by, Deed.READ)
        host = find.host(self._engine.inventory, key)
        if (found := self._engine.bmcs.get(host.id)) is None:
            raise _has_none(host)
        return found

    def certificate(self, by: Principal, key: str, url: str) -> str:
        """Return the SHA-256 of the certificate that a service shows; nothing is sent to it."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        host = find.host(self._engine.inventory, key)
        return self._engine.bmcs.certificate(host.id, _address(url))

    def set(self, by: Principal, key: str, asked: NewBmc) -> KnownBmc:
        """Log in, see that it is this host's, and keep it; nothing is kept on failure.

        Raises `Invalid` for a wrong address or password, `Conflict` for a certificate that
        nobody confirmed and for the BMC of another machine, `Unreachable`.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        host = find.host(self._engine.inventory, key)
        trial = self._trial(host, asked)
        try:
            found, hardware, reading = self._engine.bmcs.tried(host, trial)
        except Denied as error:
            raise Invalid(error.message, hint=error.hint) from error
        self._check_free(host, found)
        said = identified(host, hardware, vouched=asked.vouched)
        _check_power(host, reading, found)
        kept = replace(found, identified=said)
        return self._engine.bmcs.put(kept, asked.password, reading, by.name)

    def unset(self, by: Principal, key: str) -> None:
        """Forget the BMC of a host; nothing is changed there."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.must_lead()
        host = find.host(self._engine.inventory, key)
        if self._engine.bmcs.get(host.id) is None:
            raise _has_none(host)
        self._engine.bmcs.drop(host.id, by.name)

    def _trial(self, host: Host, asked: NewBmc) -> Trial:
        url, user = _address(asked.url), checked_text(asked.user, "the user", 64)
        if not user or not asked.password:
            raise Invalid("a BMC is given with user and password", hint="such as --user operator")
        pinned = checked_fingerprint(asked.fingerprint)
        if not pinned:
            shown = self._engine.bmcs.certificate(host.id, url)
            raise Conflict(
                f"{url} shows a certificate that nobody confirmed: {shown}",
                hint="compare it with the BMC's own page and give it as --fingerprint",
            )
        return Trial(
            url=url,
            user=user,
            password=asked.password,
            system=checked_text(asked.system, "the system", 200),
            fingerprint=pinned,
        )

    def _check_free(self, host: Host, found: Bmc) -> None:
        for other in self._engine.bmcs.all():
            same = (other.bmc.url, other.bmc.system) == (found.url, found.system)
            if same and other.bmc.host != host.id:
                record = self._engine.inventory.hosts.get(other.bmc.host)
                name = other.bmc.host if record is None else record.name
                hint = f"take it from there first: `anypool host unset-bmc {name}`"
                raise Conflict(f"that system is the BMC of {name} already", hint=hint)


def _address(url: str) -> str:
    text = checked_text(url.strip(), "the address", 400)
    text = text.split("/redfish", 1)[0].rstrip("/")
    split_address(text)
    return text


def identified(host: Host, hardware: HostId, *, vouched: bool) -> bool:
    """Return whether a BMC says that it is of this host; raise `Conflict` where it must not be.

    Switching off by the BMC of another server would end what runs there.
    """
    same = same_hardware(host.id, hardware)
    if same:
        return True
    if vouched:
        return False
    if same is False:
        hint = f"it is of machine {hardware}; is it another host's, or another --system there?"
        raise Conflict(f"that is not the BMC of {host.name}, which is {host.id}", hint=hint)
    hint = f"if you know that it switches {host.name}, say so with --vouch"
    raise Conflict(f"nothing says that this is the BMC of {host.name}", hint=hint)


def _check_power(host: Host, reading: PowerReading, found: Bmc) -> None:
    if host.state is HostState.UP and reading.power is Power.OFF:
        hint = "it is the BMC of another server; choose the right address or --system"
        raise Conflict(f"{found.url} says off, and {host.name} answers", hint=hint)


def _has_none(host: Host) -> NotFound:
    return NotFound(f"{host.name} has no BMC", hint=f"`anypool host set-bmc {host.name} URL`")
