"""A simulated boot host: who may boot as which profile, and nobody with an earlier epoch."""

from anypool.drivers.base import BaseDriver
from anypool.errors import Rejected
from anypool.model import Capability, EndpointId, EndpointInfo, Frame, ProfileId, ServerId, VmId
from anypool.model.boothost import BootEntry, BootHost
from anypool.model.profile import Identity


class SimBootHost(BaseDriver):
    """One boot host; `entries` is what it keeps whatever becomes of the manager."""

    name = "boot"
    capabilities = frozenset({Capability.IDENTITY})

    def __init__(self, endpoint: EndpointId) -> None:
        self._endpoint = endpoint
        self.entries: dict[ProfileId, BootEntry] = {}
        self.highest: dict[ProfileId, int] = {}

    def info(self) -> EndpointInfo:
        return EndpointInfo(product="simulated boot host", version="1")

    def observe(self) -> Frame:
        some = tuple(one for _, one in sorted(self.entries.items()))
        host = BootHost(id=self._endpoint, entries=some, dhcp=True, targets_answer=True)
        return Frame(full=True, boot_hosts=(host,))

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        return Frame(full=False, missing=vms)

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        if identity.epoch < self.highest.get(identity.profile, 0):
            raise Rejected(f"{identity.mark} is of an earlier epoch")
        self.highest[identity.profile] = identity.epoch
        self.entries[identity.profile] = BootEntry(
            profile=identity.profile,
            epoch=identity.epoch,
            server=server,
            name=identity.name,
            macs=identity.macs,
            ip=identity.ip,
            host_key=f"ssh-ed25519 {identity.mark}" if identity.hypervisor else "",
        )

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        entry = self.entries.get(profile)
        if entry is not None and entry.server == server:
            del self.entries[profile]
