"""Starting and ending simulated vCenters."""

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec
from cryptography import x509

from anypool.errors import Invalid, Unreachable
from anypool.lab import certificates
from anypool.lab.vcsim.build import build

START_LIMIT_S = 120.0
USER = "administrator@vsphere.local"
_MOST = 20_000


class VcsimSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The vCenter one wishes for: `hosts` of each cluster, `vms` in all.

    `state_dir` keeps its certificate; None makes a new one. Port 0 takes one that is free.
    Sessions that nobody uses for `idle_s` end; 0 keeps them. `slow` is how many seconds tasks of
    a kind (`migrate`) take, `forbid` which methods (`PowerOnVM_Task`) nobody may call. vCenters
    with a `site` have the same storage, and hosts and VMs of their own.
    """

    clusters: int = 1
    hosts: int = 3
    vms: int = 6
    datastores: int = 2
    networks: int = 1
    address: str = "127.0.0.1"
    port: int = 0
    password: str = ""
    idle_s: float = 0.0
    slow: tuple[tuple[str, float], ...] = ()
    forbid: tuple[str, ...] = ()
    site: str = ""
    verbose: bool = False
    state_dir: Path | None = None
    cache_dir: Path | None = None

    def check(self) -> None:
        """Raise `Invalid` when no vCenter can be made from these values."""
        if min(self.clusters, self.hosts, self.datastores, self.networks) < 1 or self.vms < 0:
            raise Invalid(
                "a vCenter without clusters, hosts, datastores or networks is none",
                hint="ask for at least one of each",
            )
        if self.vms % self.clusters:
            raise Invalid(
                f"{self.vms} VMs are not the same number in each of {self.clusters} clusters",
                hint=f"ask for {self.vms // self.clusters * self.clusters + self.clusters}",
            )
        if self.clusters * self.hosts + self.vms > _MOST:
            raise Invalid("that is more than it was tried with", hint=f"at most {_MOST} in all")


class Vcsim:
    """A simulated vCenter that runs; `uri` is what an endpoint is added with.

    `fingerprint` is the SHA-256 of its certificate, in hex.
    """

    def __init__(self, process: "subprocess.Popen[str]", spec: VcsimSpec, place: str) -> None:
        self._process = process
        self.address, _, port = place.rpartition(":")
        self.port = int(port)
        self.user = USER
        self.password = spec.password
        self.fingerprint = ""

    @property
    def uri(self) -> str:
        """The address of the endpoint, without the password."""
        return f"vsphere://{self.user}@{self.address}:{self.port}/"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def freeze(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def wait(self) -> None:
        """Return when it has ended."""
        self._process.wait()

    def stop(self) -> None:
        """End it; harmless when repeated."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def start(spec: VcsimSpec, report: Callable[[str], None] = lambda _: None) -> Vcsim:
    """Start a vCenter and return once it listens.

    Raises `Invalid`, `NotSupported` where it cannot be built, `Unreachable` if it does not come.
    """
    spec.check()
    if not spec.password:
        spec = msgspec.structs.replace(spec, password=secrets.token_urlsafe(12))
    program = build(spec.cache_dir, report)
    with contextlib.ExitStack() as stack:
        folder = spec.state_dir
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vcsim-")))
        folder.mkdir(parents=True, exist_ok=True)
        fingerprint = _certificate(folder)
        process = _run(program, spec, folder)
        place = _first_line(process)
    if not place:
        process.kill()
        process.wait()
        raise Unreachable("the simulated vCenter did not come up", hint="is the port free?")
    made = Vcsim(process, spec, place)
    made.fingerprint = fingerprint
    return made


def _run(program: Path, spec: VcsimSpec, folder: Path) -> "subprocess.Popen[str]":
    command = [
        str(program),
        *("-listen", f"{spec.address}:{spec.port}", "-user", USER),
        *("-cert", str(folder / "cert.pem"), "-key", str(folder / "key.pem")),
        *("-clusters", str(spec.clusters), "-hosts", str(spec.hosts)),
        *("-vms", str(spec.vms // spec.clusters), "-datastores", str(spec.datastores)),
        *("-networks", str(spec.networks), "-idle", str(spec.idle_s)),
        *(f"-slow={kind}={seconds}" for kind, seconds in spec.slow),
        *(f"-forbid={method}" for method in spec.forbid),
        *(("-site", spec.site) if spec.site else ()),
        *(("-verbose",) if spec.verbose else ()),
    ]
    environment = os.environ | {"VCSIM_PASSWORD": spec.password}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _first_line(process: "subprocess.Popen[str]") -> str:
    said: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    reading = threading.Thread(target=_read, args=(process.stdout, said), daemon=True)
    reading.start()
    try:
        return said.get(timeout=START_LIMIT_S)
    except queue.Empty:
        return ""


def _read(source: IO[str], said: "queue.Queue[str]") -> None:
    said.put(source.readline().strip())


def _certificate(folder: Path) -> str:
    """Make a certificate in a folder unless there is one; return its fingerprint."""
    shown = folder / "cert.pem"
    if not shown.exists():
        certificates.make(shown, folder / "key.pem", "vcsim", [x509.DNSName("vcsim")])
    return certificates.fingerprint(shown)
