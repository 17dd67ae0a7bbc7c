"""The routes of server profiles, but for bringing them to servers."""

from typing import Annotated, Literal

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import By, IfMatch, Key, Searched, Use, expected, tagged
from anypool.api.views import ListView, list_view
from anypool.api.vms import Text
from anypool.model import Inventory, Level, Probe, Profile
from anypool.model.profile import BootWay, FcTarget, IscsiTarget, Needs, Tenure
from anypool.service.profiles import ProfileWish
from anypool.service.wiring import LanRow, SanRow

Networks = Annotated[tuple[Annotated[tuple[Text, ...], Meta(max_length=50)], ...],
                     Meta(max_length=16)]  # fmt: skip
_Some = Meta(max_length=64)


class ProfileBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a profile is to be; what is left out stays as it is, or as it usually is.

    `nics` and `hbas` say for each port which networks, or which fabric, it must reach; new
    ports are given addresses of `mac_range` and `wwn_range`, "" for any range.
    """

    name: Text | None = None
    description: Text | None = None
    pool: Text | None = None
    nics: Networks | None = None
    hbas: Networks | None = None
    initiator: Text | None = None
    iscsi: Annotated[tuple[IscsiTarget, ...], _Some] | None = None
    fc: Annotated[tuple[FcTarget, ...], _Some] | None = None
    boot: Annotated[tuple[BootWay, ...], _Some] | None = None
    bios: Annotated[tuple[tuple[Text, Text], ...], _Some] | None = None
    needs: Needs | None = None
    ip: Text | None = None
    script: Text | None = None
    probe: Probe | None = None
    failover: Level | None = None
    image: Text | None = None
    hypervisor: bool | None = None
    tags: Annotated[tuple[Text, ...], Meta(max_length=100)] | None = None
    slot: Text | None = None
    mac_range: Text = ""
    wwn_range: Text = ""


class ProfilePortView(Struct, frozen=True, kw_only=True):
    """A port of a profile; `node` is the WWNN of an FC port."""

    id: str
    kind: str
    address: str
    node: str
    networks: tuple[str, ...]


class ProfileView(Struct, frozen=True, kw_only=True):
    """A profile; `server` is the name of the one that owns it, "" if none does."""

    id: str
    name: str
    description: str
    pool: str
    ports: tuple[ProfilePortView, ...]
    initiator: str
    iscsi: tuple[IscsiTarget, ...]
    fc: tuple[FcTarget, ...]
    boot: tuple[str, ...]
    bios: tuple[tuple[str, str], ...]
    needs: Needs
    ip: str
    script: str
    probe: Probe
    failover: str
    image: str
    hypervisor: bool
    tags: tuple[str, ...]
    slot: str
    server: str
    server_id: str
    vm: str
    vm_id: str
    epoch: int
    means: str


class TenureView(Struct, frozen=True, kw_only=True):
    """Which server had a profile in an epoch; `ended_at` is null while it lasts."""

    epoch: int
    server: str
    server_id: str
    by: str
    plan: str
    began_at: float
    ended_at: float | None
    proof: str


class HistoryView(Struct, frozen=True, kw_only=True):
    """Which servers had a profile, the latest first."""

    items: tuple[TenureView, ...]
    total: int


class WiringView(Struct, frozen=True, kw_only=True):
    """What is set up once, for all places where profiles are or may come to be."""

    lan: tuple[LanRow, ...] = ()
    san: tuple[SanRow, ...] = ()


def profile_view(profile: Profile, inventory: Inventory) -> ProfileView:
    """Return a profile as it is shown."""
    server = None if profile.machine is None else inventory.servers.get(profile.machine)
    vm = None if profile.vm is None else inventory.vms.get(profile.vm)
    ports = tuple(
        ProfilePortView(
            id=port.id,
            kind=port.kind,
            address=port.address,
            node=port.node,
            networks=port.networks,
        )
        for port in profile.ports
    )
    return ProfileView(
        id=profile.id,
        name=profile.name,
        description=profile.description,
        pool=profile.pool,
        ports=ports,
        initiator=profile.initiator,
        iscsi=profile.iscsi,
        fc=profile.fc,
        boot=tuple(profile.boot),
        bios=profile.bios,
        needs=profile.needs,
        ip=profile.ip,
        script=profile.script,
        probe=profile.probe,
        failover=profile.failover,
        image=profile.image,
        hypervisor=profile.hypervisor,
        tags=tuple(sorted(profile.tags)),
        slot=profile.slot,
        server=(profile.machine or "") if server is None else server.name,
        server_id=profile.machine or "",
        vm=(profile.vm or "") if vm is None else vm.name,
        vm_id=profile.vm or "",
        epoch=profile.epoch,
        means=profile.means or "",
    )


def _tenure(one: Tenure) -> TenureView:
    return TenureView(
        epoch=one.epoch,
        server=one.server_name,
        server_id=one.server,
        by=one.by,
        plan=one.plan,
        began_at=one.began_at,
        ended_at=one.ended_at or None,
        proof=one.proof,
    )


def _wish(data: ProfileBody) -> ProfileWish:
    return ProfileWish(**{name: getattr(data, name) for name in data.__struct_fields__})


@get("/profiles", sync_to_thread=True)
def list_profiles(services: Use, by: By, search: Searched) -> ListView[ProfileView]:
    """List server profiles."""
    inventory = services.pool.inventory(by)
    return list_view(services.profiles.list(by, search), lambda one: profile_view(one, inventory))


@get("/profiles/{key:str}", sync_to_thread=True)
def get_profile(services: Use, by: By, key: Key) -> Response[ProfileView]:
    """Show one server profile."""
    profile = services.profiles.get(by, key)
    return tagged(profile_view(profile, services.pool.inventory(by)), profile)


@get("/profiles/{key:str}/history", sync_to_thread=True)
def get_profile_history(services: Use, by: By, key: Key) -> HistoryView:
    """Say which servers had a profile, the latest first."""
    found = tuple(map(_tenure, services.profiles.history(by, key)))
    return HistoryView(items=found, total=len(found))


@post("/profiles", status_code=201, sync_to_thread=True)
def make_profile(services: Use, by: By, data: JSONBody[ProfileBody]) -> Response[ProfileView]:
    """Make a server profile and reserve addresses for it; no server is needed for that."""
    made = services.profiles.make(by, _wish(data))
    shown = profile_view(made, services.pool.inventory(by))
    return Response(shown, status_code=201, headers={"Location": f"/api/v1/profiles/{made.id}"})


@patch("/profiles/{key:str}", sync_to_thread=True)
def change_profile(
    services: Use, by: By, key: Key, data: JSONBody[ProfileBody], if_match: IfMatch = None
) -> Response[ProfileView]:
    """Change a server profile; its identity only while no server bears it."""
    profile = services.profiles.change(by, key, _wish(data), expected(if_match))
    return tagged(profile_view(profile, services.pool.inventory(by)), profile)


@delete("/profiles/{key:str}", status_code=204, sync_to_thread=True)
def delete_profile(services: Use, by: By, key: Key) -> None:
    """Delete a profile that no server bears; its addresses rest a while."""
    services.profiles.delete(by, key)


@get("/wiring", sync_to_thread=True)
def get_wiring(
    services: Use,
    by: By,
    search: Searched,
    network: Annotated[
        Literal["lan", "san"], QueryParameter(name="for", description="whom the list is for")
    ],
) -> WiringView:
    """List the switch ports, or the zones and access lists, of the profiles that match."""
    if network == "lan":
        return WiringView(lan=services.profiles.lan(by, search.query))
    return WiringView(san=services.profiles.san(by, search.query))


ROUTES = (
    list_profiles,
    get_profile,
    get_profile_history,
    make_profile,
    change_profile,
    delete_profile,
    get_wiring,
)
