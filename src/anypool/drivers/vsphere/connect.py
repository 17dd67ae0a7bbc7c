"""A session with one vCenter, begun again when it ended."""

import contextlib
import ssl
import threading
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from pyVmomi import SoapStubAdapter, vim, vmodl

from anypool.drivers import observing
from anypool.drivers.vsphere import pinning, trouble
from anypool.drivers.vsphere.address import Address
from anypool.drivers.vsphere.answers import AskingConnection, CheckedConnection
from anypool.errors import Unreachable
from anypool.model import Endpoint, checked_fingerprint

VERSION = "vim.version.version11"
"""That of vSphere 6.5, which every later one still speaks."""
ANSWER_LIMIT_S = 40.0
"""Seconds without a byte until a connection counts as broken."""
CONNECT_LIMIT_S = 10.0
CONNECTIONS = 8

T = TypeVar("T")


class Session:
    """One endpoint's session, shared by the threads of a worker.

    `generation` changes whenever a session was begun anew: what vCenter told until then is
    no reason to believe that nothing was missed since.
    """

    def __init__(self, endpoint: Endpoint, secret: str) -> None:
        """Only remember; the first use logs in. Raise `Invalid` for a wrong address."""
        self.endpoint = endpoint
        self.options = dict(endpoint.options)
        self.address = Address(endpoint.uri)
        self.fingerprint = checked_fingerprint(self.options.get("fingerprint", ""))
        self.generation = ""
        self.instance = ""
        self.account = ""
        self._user = self.options.get("user") or self.address.user
        self._secret = secret
        self._lock = threading.Lock()
        self._content: Any = None
        self._closed = False

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.endpoint.uri

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed there."""
        return self.endpoint.observe_only

    @property
    def accepts_moves(self) -> bool:
        """Whether other vCenters may be told its account, so that VMs can move here."""
        return self.options.get("accepts-moves", "") == "yes"

    @property
    def peer_uri(self) -> str:
        """How other vCenters' hosts know this one, "" if it accepts no VMs."""
        return f"vsphere://{self.address.place}/" if self.accepts_moves else ""

    @property
    def credentials(self) -> tuple[str, str]:
        """The user and the password, for the vCenter's own services alone."""
        return self._user, self._secret

    def rest_connection(self, limit_s: float) -> AskingConnection:
        """Return a connection to its REST service, with the same pin and the same lock."""
        place = (self.address.host, self.address.port)
        context = pinning.context(self.fingerprint)
        if self.fingerprint:
            pin = self.fingerprint
            return pinning.PinnedAsking(
                *place,
                timeout=limit_s,
                context=context,
                fingerprint=pin,
                looks_only=self.read_only,
            )
        return AskingConnection(*place, timeout=limit_s, context=context, looks_only=self.read_only)

    def content(self) -> Any:
        """Return the vCenter's root, logging in if need be; raise `Unreachable` or `Denied`.

        Once it was closed nobody logs in again: not even who was waiting for an answer.
        """
        with self._lock:
            if self._closed:
                raise Unreachable(f"{self.name}: the connection was given back")
            if self._content is None:
                self._content = self._open()
                self.generation = uuid.uuid4().hex[:12]
            return self._content

    def stub(self) -> Any:
        """Return what managed objects of this session are made with."""
        return self.content().rootFolder._stub

    def object(self, kind: Any, moid: str) -> Any:
        """Return a managed object by its kind and vCenter's own name for it."""
        return kind(moid, self.stub())

    def read(self, what: str, question: Callable[[Any], T]) -> T:
        """Ask something of the root; logs in again once where the session ended.

        Raises `Unreachable` for silence and for answers that are none.
        """
        return self._ask(what, question, deed=False)

    def do(self, what: str, deed: Callable[[Any], T]) -> T:
        """Do something that changes the vCenter; refused where the endpoint is observe-only.

        Raises `OutcomeUnknown` where no answer came. A session that had ended did nothing, so
        the deed is done after logging in again.
        """
        if self.read_only:
            raise observing.refused(self.endpoint, what)
        return self._ask(what, deed, deed=True)

    def over(self, content: Any) -> None:
        """Forget a session that vCenter no longer knows."""
        with self._lock:
            if self._content is content:
                self._content = None
        content.rootFolder._stub.DropConnections()

    def close(self) -> None:
        """Log out; harmless when repeated."""
        with self._lock:
            content, self._content, self._closed = self._content, None, True
        if content is not None:
            with contextlib.suppress(Exception):
                content.sessionManager.Logout()
            with contextlib.suppress(Exception):
                content.rootFolder._stub.DropConnections()

    def _ask(self, what: str, question: Callable[[Any], T], *, deed: bool) -> T:
        said = f"{self.name}: {what}"
        for last in (False, True):
            with trouble.translated(said, deed=deed):
                content = self.content()
                try:
                    return question(content)
                except vim.fault.NotAuthenticated:
                    self.over(content)
                    if last:
                        break
                finally:
                    if self._closed:  # meanwhile: what it came over is not needed any more
                        content.rootFolder._stub.DropConnections()
        raise Unreachable(f"{said}: the session ended at once", hint="is its clock right?")

    def _open(self) -> Any:
        with trouble.translated(f"log in to {self.address.place}", deed=False):
            adapter = self._adapter()
            try:
                return self._logged_in(adapter)
            except BaseException:
                adapter.DropConnections()
                raise

    def _logged_in(self, adapter: Any) -> Any:
        try:
            content = vim.ServiceInstance("ServiceInstance", adapter).RetrieveContent()
        except ssl.SSLCertVerificationError as problem:
            raise pinning.unconfirmed(
                self.address.host,
                self.address.port,
                CONNECT_LIMIT_S,
                problem.verify_message,
            ) from problem
        self._check(content)
        login = content.sessionManager.Login(self._user, self._secret)
        self.account = str(login.userName or self._user)
        return content

    def _check(self, content: Any) -> None:
        """Raise `Unreachable` unless the same vCenter answers as before."""
        about = content.about
        if about is None or about.apiType != "VirtualCenter":
            raise Unreachable(
                f"{self.address.place} is {getattr(about, 'fullName', 'no vCenter')}",
                hint="name the vCenter that manages the hosts",
            )
        if self.instance and about.instanceUuid != self.instance:
            raise Unreachable(
                f"another vCenter answers at {self.address.place} than the one that was added",
                hint="remove the endpoint and add it anew",
            )
        self.instance = about.instanceUuid or self.address.place

    def _adapter(self) -> Any:
        context = pinning.context(self.fingerprint)
        adapter = SoapStubAdapter(
            host=self.address.host,
            port=self.address.port,
            version=VERSION,
            poolSize=CONNECTIONS,
            sslContext=context,
            httpConnectionTimeout=ANSWER_LIMIT_S,
        )
        adapter.scheme = CheckedConnection
        adapter.schemeArgs["looks_only"] = self.read_only
        if self.fingerprint:
            adapter.scheme = pinning.PinnedConnection
            adapter.schemeArgs["fingerprint"] = self.fingerprint
        return adapter


def is_over(fault: BaseException) -> bool:
    """Return whether a fault means that the session ended."""
    return isinstance(fault, vmodl.MethodFault) and trouble.is_session_over(fault)
