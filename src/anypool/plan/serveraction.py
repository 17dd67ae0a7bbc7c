"""What can be done to physical servers and the profiles that they bear; see `plan.action`."""

from typing import TypeAlias

from msgspec import Struct

from anypool.model import EndpointId, HostWish, Means, Probe, ProfileId, ServerId, Stated

NO_PROBE = Probe()


class ApplyProfile(Struct, frozen=True, kw_only=True, gc=False, tag="apply-profile"):
    """Write the identity of a profile into a server that is off and bears none.

    The server owns the profile from before the first write, in this epoch of it.
    """

    profile: ProfileId
    server: ServerId
    epoch: int
    means: Means = Means.ADDRESSES


class WithdrawProfile(Struct, frozen=True, kw_only=True, gc=False, tag="withdraw-profile"):
    """Take a profile from a server that was seen to be off, and give it its own addresses back.

    Where nobody can see that any more, `stated` is who says that it is dead; then nothing is
    written there.
    """

    profile: ProfileId
    server: ServerId
    epoch: int
    means: Means = Means.ADDRESSES
    stated: Stated | None = None


class PowerOffServer(Struct, frozen=True, kw_only=True, gc=False, tag="power-off-server"):
    """Have a server shut down, with `force` switch it off at once, and see that it is off."""

    server: ServerId
    force: bool = False


class PowerOnServer(Struct, frozen=True, kw_only=True, gc=False, tag="power-on-server"):
    """Switch a server on and see that it is on, within `within_s`.

    `boot` is what it boots from this once (`Pxe`, `Hdd`), "" for what its boot order says.
    """

    server: ServerId
    boot: str = ""
    within_s: float = 600.0


class VerifyServer(Struct, frozen=True, kw_only=True, gc=False, tag="verify-server"):
    """Wait up to `within_s` until a server is on and seen to bear a profile, it alone.

    With a `probe` it also has to answer that.
    """

    server: ServerId
    profile: ProfileId
    epoch: int
    within_s: float = 600.0
    probe: Probe = NO_PROBE


class JoinHost(Struct, frozen=True, kw_only=True, gc=False, tag="join-host"):
    """Take a server that runs a hypervisor by its profile into the pool, as the host that it is.

    It is asked at `uri`, and taken for nobody but who shows the host key that its boot host made
    for this epoch. `expects` is what the pool's other hosts have, which it is to have, too.
    """

    server: ServerId
    profile: ProfileId
    epoch: int
    endpoint: EndpointId
    uri: str
    expects: HostWish
    within_s: float = 900.0


class LeaveHost(Struct, frozen=True, kw_only=True, gc=False, tag="leave-host"):
    """Forget a host that is closed and has no VMs, and how it was asked."""

    server: ServerId
    endpoint: EndpointId


ServerAction: TypeAlias = (
    ApplyProfile
    | WithdrawProfile
    | PowerOffServer
    | PowerOnServer
    | VerifyServer
    | JoinHost
    | LeaveHost
)
