"""A host that lets nobody in but us invites the one that brings it a VM.

Each order gets a key of its own. It opens libvirt's door there and nothing else, for as long as
a connection takes to be made; the host keeps it in memory only, and forgets it at its next start.
"""

import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from msgspec import Struct

from anypool.drivers.libvirt.address import peer_uri
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.reach import there
from anypool.drivers.protocol import Migration
from anypool.errors import Rejected
from anypool.model import Invitation, VmId

GUESTS = "/run/anypool/guests"
"""Where the SSH daemon of such a host looks for keys of who was invited."""
STAY_S = 300
"""So long a key opens the door: to begin a migration takes a tenth of that."""
_DEADLINE_S = 30.0
_DOOR = "virt-ssh-helper qemu:///system"


class Guest(Struct, frozen=True):
    """Who was invited: the public half of a key, and when it is worth nothing any more."""

    key: str
    until: float


class Invites(Part):
    """The one question of who brings a VM to such a host."""

    def __init__(self, session: Session, host: Platform) -> None:
        """Nobody is invited yet; whom a worker of before has invited is in already, or late."""
        super().__init__(session, host)
        self._inviting = threading.Lock()
        self._guests: dict[VmId, Guest] = {}

    def invite(self, order: Migration) -> Invitation:
        """Let the source of an order in for a while; raise `Unreachable` or `Rejected`."""
        self.check_host(order.target)
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        with self._inviting:
            now = time.monotonic()
            known = {vm: one for vm, one in self._guests.items() if one.until > now}
            known[order.vm] = Guest(public.decode(), now + STAY_S)
            self._tell(script_of(known, now))
            self._guests = known
        return Invitation(
            url=peer_uri(self.session.endpoint),
            thumbprint=self.session.options["host_key"],
            user="root",
            secret=secret.decode(),
        )

    def _tell(self, script: str) -> None:
        with self.session.doing("let a neighbour in"):
            done = there(self, ["sh", "-s"], within_s=_DEADLINE_S, script=script)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise Rejected(f"{self.platform.name} lets no neighbour in: {said[:200]}")


def script_of(guests: dict[VmId, Guest], now: float) -> str:
    """Return what a host is told to write down: all who are invited now, by its own clock."""
    lines = [
        f"echo \"restrict,expiry-time=\\\"$(date -d '+{round(one.until - now)} seconds' "
        f'+%Y%m%d%H%M%S)\\",command=\\"{_DOOR}\\" {one.key} {vm}"'
        for vm, one in sorted(guests.items())
    ]
    write = [f"mkdir -p {GUESTS.rpartition('/')[0]}", "{", *lines, f"}} >{GUESTS}.new"]
    return "\n".join(["set -e", "umask 077", *write, f"mv {GUESTS}.new {GUESTS}", ""])
