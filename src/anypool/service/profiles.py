"""Server profiles: make, list, change, delete, export them; who had them."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import AdapterKind, Level, Probe, ProbeKind, Profile, ProfileId, taken_apart
from anypool.model.address import AddressKind, number_of, text_of
from anypool.model.profile import BootWay, FcTarget, IscsiTarget, Needs, ProfilePort, Tenure
from anypool.search import Noun, parse
from anypool.service import find, wiring
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import Lists
from anypool.service.names import checked_name, checked_tags, checked_text
from anypool.service.pages import Ask, Listed
from anypool.service.version import require_version
from anypool.service.wiring import LanRow, SanRow

MOST_PORTS = 16
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}(:[1-9]\d{0,5})?")
_IQN = re.compile(r"(iqn\.\d{4}-\d{2}\.[a-z0-9.-]+(:[a-z0-9._:-]+)?|eui\.[0-9a-f]{16})")
_SCRIPT = re.compile(r"(https?|tftp)://[A-Za-z0-9._~:/?#@!$&'()*+,;=%{}\[\]-]{1,380}")
"""Both as boot hosts take them."""


class ProfileWish(Struct, frozen=True, kw_only=True):
    """What a profile is to be; None leaves a thing as it is, or as it usually is.

    `nics` and `hbas` say for each port which networks, or which fabric, it must reach.
    `mac_range` and `wwn_range` are where new addresses are taken from, "" from any.
    """

    name: str | None = None
    description: str | None = None
    pool: str | None = None
    nics: tuple[tuple[str, ...], ...] | None = None
    hbas: tuple[tuple[str, ...], ...] | None = None
    initiator: str | None = None
    iscsi: tuple[IscsiTarget, ...] | None = None
    fc: tuple[FcTarget, ...] | None = None
    boot: tuple[BootWay, ...] | None = None
    bios: tuple[tuple[str, str], ...] | None = None
    needs: Needs | None = None
    ip: str | None = None
    script: str | None = None
    probe: Probe | None = None
    failover: Level | None = None
    image: str | None = None
    hypervisor: bool | None = None
    tags: tuple[str, ...] | None = None
    slot: str | None = None
    mac_range: str = ""
    wwn_range: str = ""


class Profiles:
    """The use cases of profiles, but for bringing them to servers."""

    def __init__(self, engine: Engine, lists: Lists, iqn_base: str) -> None:
        self._engine = engine
        self._lists = lists
        self._iqn_base = iqn_base

    def list(self, by: Principal, ask: Ask) -> Listed[Profile]:
        """Return a page of the profiles that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return self._lists.page(Noun.PROFILE, ask)

    def get(self, by: Principal, key: str) -> Profile:
        """Return one profile by id or name; raise `NotFound` or `Conflict`."""
        require(by, Deed.READ)
        return find.profile(self._engine.inventory, key)

    def history(self, by: Principal, key: str) -> Sequence[Tenure]:
        """Return which servers had a profile, the latest first."""
        return self._engine.servers.profiles.history(self.get(by, key).id)

    def lan(self, by: Principal, query: str) -> tuple[LanRow, ...]:
        """Return each switch port that MACs of matching profiles may appear at."""
        return tuple(wiring.lan(self._matching(by, query), self._engine.inventory))

    def san(self, by: Principal, query: str) -> tuple[SanRow, ...]:
        """Return the zones of FC and access lists of iSCSI of matching profiles."""
        return tuple(wiring.san(self._matching(by, query)))

    def _matching(self, by: Principal, query: str) -> tuple[Profile, ...]:
        require(by, Deed.READ)
        inventory = self._engine.inventory
        profiles = inventory.profiles.values()
        found = parse(query, Noun.PROFILE).filter(profiles, inventory)
        return tuple(sorted(found, key=lambda one: (one.name, one.id)))

    def make(self, by: Principal, asked: ProfileWish) -> Profile:
        """Make a profile and give it addresses; raise `Invalid`, or `Conflict` if none is left."""
        require(by, Deed.MANAGE_PROFILES)
        if not asked.name:
            raise Invalid("a profile has a name", hint="such as db1")
        wanted = asked if asked.nics is not None else replace(asked, nics=((),))
        empty = Profile(id=ProfileId(f"profile-{uuid4().hex[:12]}"), name=asked.name)
        made = self._wished(empty, wanted)
        ranges = (asked.mac_range, asked.wwn_range)
        return self._engine.servers.profiles.add(made, ranges, by.name)

    def change(
        self, by: Principal, key: str, asked: ProfileWish, expected: str | None = None
    ) -> Profile:
        """Change a profile; raise `Conflict` for its identity while a server bears it."""
        require(by, Deed.MANAGE_PROFILES)
        known = find.profile(self._engine.inventory, key)

        def how(kept: Profile) -> Profile:
            require_version(kept, expected)
            return self._wished(kept, asked)

        ranges = (asked.mac_range, asked.wwn_range)
        return self._engine.servers.profiles.change(known.id, by.name, ranges, how)

    def delete(self, by: Principal, key: str) -> Profile:
        """Delete a profile that no server bears; its addresses rest a while."""
        require(by, Deed.MANAGE_PROFILES)
        known = find.profile(self._engine.inventory, key)
        return self._engine.servers.profiles.remove(known.id, by.name)

    def _wished(self, kept: Profile, asked: ProfileWish) -> Profile:
        """Return a profile as it is asked for; what is None stays. Raise `Invalid`."""
        made = replace(kept, ports=_ports(kept, asked), **_texts(asked), **_watching(asked))
        if asked.iscsi is not None:
            made = replace(made, iscsi=tuple(map(_iscsi, asked.iscsi)))
        if asked.fc is not None:
            made = replace(made, fc=tuple(map(_fc, asked.fc)))
        if asked.initiator:
            made = replace(made, initiator=_checked_iqn(asked.initiator))
        elif asked.initiator == "":
            made = replace(made, initiator="")
        if made.iscsi and not made.initiator:
            own = made.name.lower().replace("_", "-")
            made = replace(made, initiator=_checked_iqn(f"{self._iqn_base}:{own}"))
        if asked.boot is not None:
            made = replace(made, boot=asked.boot)
        elif kept.boot == () and asked.name:
            made = replace(made, boot=_usual(made))
        _check_boot(made)
        return made


def _texts(asked: ProfileWish) -> dict[str, object]:
    """Return the plain fields that are asked for, checked."""
    found: dict[str, object] = {}
    if asked.name is not None:
        found["name"] = checked_name(asked.name, "a profile")
    if asked.pool is not None:
        found["pool"] = checked_name(asked.pool, "a pool")
    if asked.description is not None:
        found["description"] = checked_text(asked.description, "the description", 400)
    checks = (("ip", _checked_ip), ("script", _checked_script))
    given = {name: (getattr(asked, name), check) for name, check in checks}
    found |= {name: check(text) for name, (text, check) in given.items() if text is not None}
    if asked.image is not None:
        found["image"] = _checked_image(asked.image)
    if asked.slot is not None:
        found["slot"] = _checked_slot(asked.slot)
    if asked.tags is not None:
        found["tags"] = checked_tags(asked.tags)
    if asked.needs is not None:
        found["needs"] = _checked_needs(asked.needs)
    if asked.bios is not None:
        found["bios"] = tuple(
            (checked_text(name, "a BIOS setting", 100), checked_text(value, "its value", 200))
            for name, value in asked.bios
        )
    return found


def _watching(asked: ProfileWish) -> dict[str, object]:
    """Return what is asked for about what runs on its server, and if that fails, checked."""
    found: dict[str, object] = {}
    if asked.hypervisor is not None:
        found["hypervisor"] = asked.hypervisor
    if asked.probe is not None:
        found["probe"] = _checked_probe(asked.probe)
    if asked.failover is not None:
        found["failover"] = _checked_failover(asked.failover)
    return found


def _checked_probe(probe: Probe) -> Probe:
    """Return a probe that can be asked; raise `Invalid`."""
    if probe.kind is not ProbeKind.NONE:
        checked_text(probe.address, "the address of the probe", 255)
        checked_text(probe.path, "the path of the probe", 255)
        if not probe.address or not 0 < probe.port < 1 << 16:
            raise Invalid("a probe has an address and a port", hint="tcp://10.0.0.7:22")
        if not 0.1 <= probe.timeout_s <= 60 or probe.interval_s < 1 or probe.threshold < 1:
            raise Invalid("a probe waits 0.1 to 60 s, and is asked every second at most")
    return probe


def _checked_failover(level: Level) -> Level:
    """Return what happens when the server fails; raise `Invalid` for what says nothing here."""
    if level not in (Level.DISABLED, Level.MANUAL, Level.AUTOMATIC):
        raise Invalid(f"a profile does not fail over in {level}", hint="manual or automatic")
    return level


def _checked_image(text: str) -> str:
    """Return an image, NAME or NAME:VERSION, "" for none; raise `Invalid`."""
    if text and _IMAGE.fullmatch(text) is None:
        hint = "NAME or NAME:VERSION, such as web or web:3"
        raise Invalid(f"{text[:80]!r} is no image for servers", hint=hint)
    return text


def _checked_slot(text: str) -> str:
    """Return where a profile is to be, CHASSIS/SLOT, "" for nowhere; raise `Invalid`."""
    chassis, slash, slot = checked_text(text, "the slot", 100).partition("/")
    if text and not (chassis and slash and slot):
        raise Invalid(f"{text[:80]!r} is no slot", hint="CHASSIS/SLOT, such as bx1/3")
    return text


def _checked_needs(needs: Needs) -> Needs:
    if needs.cpus < 0 or needs.memory_mib < 0:
        raise Invalid("a need cannot be negative", hint="0 asks for nothing")
    checked_text(needs.arch, "the architecture", 40)
    return needs


def _ports(kept: Profile, asked: ProfileWish) -> tuple[ProfilePort, ...]:
    """Return the ports that are asked for: those that stay keep their addresses."""
    nics, hbas = AdapterKind.ETHERNET, AdapterKind.FC
    return (
        *_of_kind(nics, "nic", kept.ports_of(nics), asked.nics),
        *_of_kind(hbas, "hba", kept.ports_of(hbas), asked.hbas),
    )


def _of_kind(
    kind: AdapterKind,
    word: str,
    kept: tuple[ProfilePort, ...],
    asked: tuple[tuple[str, ...], ...] | None,
) -> tuple[ProfilePort, ...]:
    if asked is None:
        return kept
    if len(asked) > MOST_PORTS:
        raise Invalid(f"{len(asked)} ports are too many", hint=f"at most {MOST_PORTS} of a kind")
    made = []
    for number, networks in enumerate(asked):
        names = tuple(checked_text(name, "a network", 100) for name in networks)
        if number < len(kept):
            made.append(replace(kept[number], networks=names))
        else:
            made.append(
                ProfilePort(id=f"{word}{number + 1}", kind=kind, address="", networks=names)
            )
    return tuple(made)


def _checked_iqn(text: str) -> str:
    plain = text.lower()
    if _IQN.fullmatch(plain) is None or len(plain) > 223:
        hint = "such as iqn.2026-11.local.anypool:db1"
        raise Invalid(f"{text[:80]!r} is no name of an initiator or target", hint=hint)
    return plain


def _checked_ip(text: str) -> str:
    try:
        return str(IPv4Address(text)) if text else ""
    except ValueError as error:
        raise Invalid(f"{text[:80]!r} is no address of IPv4", hint="such as 10.0.0.21") from error


def _checked_script(text: str) -> str:
    if text and (_SCRIPT.fullmatch(text) is None or not taken_apart(text).hostname):
        hint = "such as http://10.0.0.2/boot.ipxe"
        raise Invalid(f"{text[:80]!r} is no address for iPXE", hint=hint)
    return text


def _iscsi(target: IscsiTarget) -> IscsiTarget:
    if not target.address:
        raise Invalid("an iSCSI target has an address", hint="ADDRESS[:PORT],IQN[,LUN]")
    if not 0 < target.port < 1 << 16 or not 0 <= target.lun < 1 << 14:
        raise Invalid("that is no port, or no LUN", hint="ports to 65535, LUNs to 16383")
    checked_text(target.address, "the address", 255)
    return replace(target, iqn=_checked_iqn(target.iqn))


def _fc(target: FcTarget) -> FcTarget:
    try:
        wwpn = text_of(AddressKind.WWN, number_of(AddressKind.WWN, target.wwpn))
    except ValueError as error:
        raise Invalid(str(error), hint="write it as 50:01:23:45:00:00:01:00") from error
    if not 0 <= target.lun < 1 << 14:
        raise Invalid("that is no LUN", hint="0 to 16383")
    return replace(target, wwpn=wwpn)


def _usual(made: Profile) -> tuple[BootWay, ...]:
    """Return what a new profile boots from where nobody said."""
    if made.iscsi:
        return (BootWay.ISCSI,)
    return (BootWay.FC,) if made.fc else (BootWay.DISK,)


def _check_boot(made: Profile) -> None:
    if len(set(made.boot)) != len(made.boot):
        raise Invalid("the boot order names a way twice", hint="each once, the first first")
    if BootWay.ISCSI in made.boot and not made.iscsi:
        hint = "give one: --iscsi ADDRESS,IQN[,LUN]"
        raise Invalid("it boots by iSCSI and has no target", hint=hint)
    if BootWay.FC in made.boot and not (made.fc and made.ports_of(AdapterKind.FC)):
        hint = "give them: --hba FABRIC --fc WWPN[,LUN]"
        raise Invalid("it boots by FC and has no target or no HBA", hint=hint)
