"""Who is told that a server bears a profile, or no more: its boot host, its BMC, or both.

Of a VM that bears one only the boot host is told; its MACs are in what it is made of.

The boot host is told first both times. So a server that starts as somebody finds its disk, and
one that is nobody any more has lost that before its own addresses are given back.
"""

from collections.abc import Callable

from msgspec.structs import replace

from anypool.engine.observing.boothosts import BootHosts, booted
from anypool.engine.observing.observe import Observer
from anypool.errors import NotSupported
from anypool.model import BootOrder, Means, ServerId
from anypool.model.profile import Identity, boots_there
from anypool.plan import ApplyProfile, WithdrawProfile


def _no_key() -> str:
    raise NotSupported("no hypervisor is booted here")


class Bearers:
    """Gives identities to servers, and takes them away."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._boot_hosts = BootHosts(observer)
        self.public_key: Callable[[], str] = _no_key

    def apply(self, action: ApplyProfile) -> None:
        """Give a server the identity of a profile; return when that was read back."""
        inventory = self._observer.inventory
        identity = inventory.profile(action.profile).identity(action.epoch, action.means)
        if action.means is Means.VM:
            booting = self._boot_hosts.virtual_driver(inventory.profile(action.profile))
            if booting is not None:
                booting.apply_identity(action.server, booted(identity, inventory, action.server))
            return
        netboot = action.means is Means.NETBOOT
        boot_host = self._boot_hosts.driver(action.server)
        if boot_host is not None and (netboot or boots_there(identity)):
            known = self.keyed(booted(identity, inventory, action.server))
            boot_host.apply_identity(action.server, known)
        if boot_host is None or not netboot:
            self._observer.server_driver(action.server).apply_identity(action.server, identity)

    def keyed(self, identity: Identity) -> Identity:
        """Return an identity with who may log in to it, where it is that of a hypervisor."""
        return replace(identity, keys=(self.public_key(),)) if identity.hypervisor else identity

    def withdraw(self, action: WithdrawProfile) -> None:
        """Take the identity of a profile from a server; of one that is dead only the disk."""
        if action.means is Means.VM:
            profile = self._observer.inventory.profile(action.profile)
            booting = self._boot_hosts.virtual_driver(profile)
            if booting is not None:
                booting.withdraw_identity(action.server, action.profile)
            return
        boot_host = self._boot_hosts.driver(action.server)
        if boot_host is not None:
            boot_host.withdraw_identity(action.server, action.profile)
        if action.stated is not None:
            return
        driver = self._observer.server_driver(action.server)
        if boot_host is None or action.means is not Means.NETBOOT:
            driver.withdraw_identity(action.server, action.profile)
        else:
            driver.set_boot(action.server, BootOrder(target="None"))

    def boot(self, server: ServerId, target: str) -> None:
        """Have a server boot from a target: always where a boot host answers it, else once."""
        once = self._boot_hosts.driver(server) is None
        order = BootOrder(target=target, once=once)
        self._observer.server_driver(server).set_boot(server, order)
