"""The storage leases of hosts, read from the folders of shared pools, and named in a VM.

A lease is a volume of one sector that a host's warden writes; libvirt lists it since the pool
was last looked at. It is read afresh each time.
"""

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import libvirt

from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.pools import Pool
from anypool.model import HostId, LeaseExpired, Proof, SaidGone, StorageLease, WatchdogKind
from anypool.warden.hook import NAMESPACE
from anypool.warden.record import LEASE_PREFIX, Lease
from anypool.warden.sector import BYTES, Torn


class HostLeases(Part):
    """The operation that tells whether other hosts renew their leases."""

    def leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Read one sector for each host on each shared pool."""
        self.check_host(host)
        return tuple(self._leases(frozenset(of)))

    def vouch(self, domain: libvirt.virDomain, proof: Proof) -> None:
        """Tell this host's warden that another is dead: where its leases stand, in the VM.

        Quiet where that host has none, or says itself that the VM is gone.
        """
        if isinstance(proof, SaidGone):
            return
        stands = [one.stands_at for one in self._leases(frozenset({proof.host}))]
        if isinstance(proof, LeaseExpired):
            stands = [proof.stands_at]
        if not stands:
            return
        said = ET.Element("proofs")
        for boot, epoch, sequence in dict.fromkeys(stands):
            where = {"boot": boot, "epoch": str(epoch), "sequence": str(sequence)}
            ET.SubElement(said, "proven", {"host": proof.host, **where})
        kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
        text = ET.tostring(said, encoding="unicode")
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
        with self.session.doing(f"say that host {proof.host} is dead"):
            domain.setMetadata(kind, text, "warden", NAMESPACE, flags)

    def _leases(self, of: frozenset[HostId]) -> Iterator[StorageLease]:
        """Read the leases of some hosts; whoever asks for all wants to know of new ones too."""
        for pool in self.pools.read(refresh=not of):
            if not pool.shared:
                continue
            for name in pool.volumes:
                if not name.startswith(LEASE_PREFIX) or name.endswith(".making"):
                    continue
                key = HostId(name.removeprefix(LEASE_PREFIX))
                if of and key not in of:
                    continue
                with contextlib.suppress(Torn, ValueError):
                    found = _told(Lease.decoded(self._sector(pool, name)), pool)
                    if found.host == key:
                        yield found

    def _sector(self, pool: Pool, name: str) -> bytes:
        with self.session.reading(f"read {name}") as connection:
            try:
                return _read(connection, pool.name, name)
            except libvirt.libvirtError as problem:
                if not connection.isAlive():
                    raise
                raise Torn(str(problem)) from problem


def _read(connection: libvirt.virConnect, pool: str, name: str) -> bytes:
    volume = connection.storagePoolLookupByName(pool).storageVolLookupByName(name)
    stream = connection.newStream(0)
    volume.download(stream, 0, BYTES, 0)
    sector = b""
    try:
        while got := stream.recv(BYTES):
            sector += got
        stream.finish()
    except libvirt.libvirtError:
        with contextlib.suppress(libvirt.libvirtError):
            stream.abort()
        raise
    return sector


def _told(lease: Lease, pool: Pool) -> StorageLease:
    """Return a lease as records have it; raise `ValueError` for a watchdog of a later version."""
    return StorageLease(
        host=HostId(lease.host),
        datastore=pool.id,
        boot=lease.boot,
        epoch=lease.epoch,
        sequence=lease.sequence,
        renew_s=lease.renew_s,
        limit_s=lease.limit_s,
        bound_s=lease.bound_s,
        watchdog=WatchdogKind(lease.watchdog),
        watchdog_s=lease.watchdog_s,
        identity=lease.identity,
    )
