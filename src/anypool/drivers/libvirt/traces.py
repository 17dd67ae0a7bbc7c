"""What we wrote on a host: markers, marks of unfinished work, words in VMs and snapshots."""

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import libvirt

from anypool.drivers.libvirt import metadata, trouble, xml_read, xml_snapshot
from anypool.drivers.libvirt.making import MAKING
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.pools import MARKER
from anypool.drivers.libvirt.way import WAY
from anypool.errors import Invalid, NotFound
from anypool.model import Trace, TraceKind, VmId
from anypool.warden.hook import NAMESPACE

_REDEFINE = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
_CURRENT = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT


class Traces(Part):
    """The operations that list what is ours, and take it away."""

    def traces(self) -> tuple[Trace, ...]:
        """List everything of ours; one call for each VM and each snapshot."""
        with self.session.reading("look for what is ours") as connection:
            return (*self._volumes(), *self._words(connection), *self._tokens(connection))

    def erase_trace(self, trace: Trace) -> None:
        """Take one thing of ours away; quiet if it is not there."""
        if trace.datastore is not None and trace.kind in (TraceKind.MARKER, TraceKind.MAKING):
            if not trace.name.startswith((MARKER, MAKING, WAY)):
                raise Invalid(f"volume {trace.name} is not ours")
            with contextlib.suppress(NotFound):  # known by its marker, which is gone already
                self.volumes.delete(trace.datastore, trace.name)
            self.pools.read(refresh=False)
            return
        if trace.kind is TraceKind.TOKEN:
            with self.session.doing("remove the host's token") as connection:
                self.session.token.erase(connection, trace.name)
            return
        if trace.vm is None:
            raise Invalid(f"{trace.kind} {trace.name} names no VM")
        try:
            domain = self.session.vm(trace.vm)
        except NotFound:
            return
        if trace.kind is TraceKind.VM:
            self._forget_words(domain)
        else:
            self._forget_tag(domain, trace.name)

    def _tokens(self, connection: libvirt.virConnect) -> Iterator[Trace]:
        for name in self.session.token.names(connection):
            yield Trace(kind=TraceKind.TOKEN, name=name, place=self.platform.name)

    def _volumes(self) -> Iterator[Trace]:
        for pool in self.pools.read(refresh=True):
            for name in sorted(pool.volumes):
                kind = _kind_of(name)
                if kind is not None:
                    yield Trace(kind=kind, name=name, datastore=pool.id, place=pool.name)

    def _words(self, connection: libvirt.virConnect) -> Iterator[Trace]:
        for domain in connection.listAllDomains(0):
            try:
                described = xml_read.parse(domain.XMLDesc(0))
                taken = list(self._taken(domain))
            except libvirt.libvirtError as problem:
                if trouble.is_gone(problem):
                    continue
                raise
            vm = VmId(domain.UUIDString())
            if metadata.is_ours(described):
                yield Trace(kind=TraceKind.VM, name=domain.name(), vm=vm)
            for name in taken:
                yield Trace(kind=TraceKind.SNAPSHOT, name=name, place=domain.name(), vm=vm)

    def _taken(self, domain: libvirt.virDomain) -> Iterator[str]:
        """Yield the names of the snapshots that bear our words, also in the VM they keep."""
        try:
            snapshots = domain.listAllSnapshots(0)
        except libvirt.libvirtError as problem:
            if trouble.is_missing_function(problem):
                return
            raise
        for snapshot in snapshots:
            if xml_snapshot.forget_words(xml_read.parse(snapshot.getXMLDesc(0))):
                yield snapshot.getName()

    def _forget_words(self, domain: libvirt.virDomain) -> None:
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
        if domain.isActive():
            flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
        kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
        with self.session.doing(f"forget what we wrote into VM {domain.name()}"):
            for ours in (metadata.NAMESPACE, NAMESPACE):
                try:
                    domain.setMetadata(kind, None, None, ours, flags)
                except libvirt.libvirtError as problem:
                    if problem.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
                        raise

    def _forget_tag(self, domain: libvirt.virDomain, name: str) -> None:
        with self.session.doing(f"forget what we wrote into snapshot {name}"):
            try:
                snapshot = domain.snapshotLookupByName(name, 0)
            except libvirt.libvirtError as problem:
                if trouble.is_gone(problem):
                    return
                raise
            described = xml_read.parse(snapshot.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE))
            if not xml_snapshot.forget_words(described):
                return
            flags = _REDEFINE | (_CURRENT if snapshot.isCurrent(0) else 0)
            domain.snapshotCreateXML(ET.tostring(described, encoding="unicode"), flags)


def _kind_of(volume: str) -> TraceKind | None:
    if volume.startswith(MARKER):
        return TraceKind.MARKER
    return TraceKind.MAKING if volume.startswith((MAKING, WAY)) else None
