"""The token that a host keeps: the epoch of the manager that gives it orders.

libvirt has no place for notes about a host, but it keeps named secrets on disk. One without
a value and without a use serves as the note: its UUID holds a mark of ours, the records that
the epoch is of, and the epoch. Each epoch makes another one, and the highest counts, so that
two who write at once cannot undo each other; whoever writes removes lower ones afterwards.

A host that has no secrets (`test:///`), or lets us make none, keeps no token.
"""

import contextlib
import logging

import libvirt

from anypool.drivers.libvirt import trouble
from anypool.drivers.mandate import Acting, current
from anypool.errors import Invalid

log = logging.getLogger(__name__)

MARK = "616e7970"
"""The start of each UUID: `anyp`."""
EPOCH_MOST = 2**48 - 1


class Token:
    """Reads and writes the token of one host over connections that it is lent."""

    def __init__(self) -> None:
        self.kept = True

    def names(self, connection: libvirt.virConnect) -> list[str]:
        """Return the UUIDs of the tokens of our records here; raise libvirt's errors.

        A deed that no manager asked for knows of no records: all tokens, then.
        """
        deed = current()
        start = MARK + ("" if deed is None else deed.site)
        there = self._uuids(connection) or []
        return [uuid for uuid in there if uuid.replace("-", "").startswith(start)]

    def erase(self, connection: libvirt.virConnect, name: str) -> None:
        """Remove a token; quiet if it is not there."""
        if not name.replace("-", "").startswith(MARK):
            raise Invalid(f"secret {name} is no token of ours")
        if name in self.names(connection):
            connection.secretLookupByUUIDString(name).undefine()

    def claim(self, connection: libvirt.virConnect, site: str, epoch: int) -> None:
        """Write an epoch, unless it or a later one is there; raise libvirt's errors."""
        there = self._read(connection, site)
        if there is None or (there and max(there) >= epoch):
            return
        try:
            connection.secretDefineXML(_described(site, epoch), 0)
        except libvirt.libvirtError as problem:
            if not connection.isAlive():
                raise
            self.kept = False
            log.warning("no token is kept here: %s", trouble.explained(problem, "write it"))
            return
        for old in there:
            with contextlib.suppress(libvirt.libvirtError):
                connection.secretLookupByUUIDString(_uuid(site, old)).undefine()

    def check(self, connection: libvirt.virConnect, deed: Acting, what: str) -> None:
        """Raise if a later epoch gives orders here than that of a deed, or that cannot be read."""
        lend = trouble.doing if deed.begun else trouble.reading
        with lend(connection, what):
            there = self._read(connection, deed.site)
        if there and max(there) > deed.epoch:
            why = f"the manager of epoch {max(there)} gives orders here, ours is {deed.epoch}"
            raise deed.refused(what, why)

    def _read(self, connection: libvirt.virConnect, site: str) -> set[int] | None:
        """Return the epochs that are noted here; None where nothing can be."""
        if not site or (uuids := self._uuids(connection)) is None:
            return None
        return {epoch for uuid in uuids if (epoch := _epoch(uuid, site))}

    def _uuids(self, connection: libvirt.virConnect) -> list[str] | None:
        if not self.kept:
            return None
        try:
            return [secret.UUIDString() for secret in connection.listAllSecrets(0)]
        except libvirt.libvirtError as problem:
            if not trouble.is_missing_function(problem):
                raise
            self.kept = False
            return None


def _uuid(site: str, epoch: int) -> str:
    packed = f"{MARK}{site}{min(epoch, EPOCH_MOST):012x}"
    return "-".join(packed[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


def _epoch(uuid: str, site: str) -> int:
    packed = uuid.replace("-", "").lower()
    return int(packed[20:], 16) if packed.startswith(MARK + site) else 0


def _described(site: str, epoch: int) -> str:
    return (
        f"<secret ephemeral='no' private='no'><uuid>{_uuid(site, epoch)}</uuid>"
        f"<description>anypool {site}: epoch {epoch} gives orders to this host</description>"
        "</secret>"
    )
