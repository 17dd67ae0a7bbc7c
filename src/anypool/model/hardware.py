"""What a server is made of, as its BMC tells it; what nobody tells is None or empty.

Texts are short and printable, numbers are within the bounds of what exists: what a BMC says
beyond that is not kept. `unread` names what could not be read, which is not the same as what
is not there.
"""

from enum import StrEnum

from msgspec import Struct

from anypool.model.bmc import Power


class Condition(StrEnum):
    """How a part is, as its BMC says; `UNKNOWN` where it says nothing we know."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Processor(Struct, frozen=True, kw_only=True, gc=False):
    """One socket with a processor in it."""

    slot: str
    model: str = ""
    architecture: str = ""
    cores: int | None = None
    threads: int | None = None
    mhz: int | None = None
    health: Condition = Condition.UNKNOWN


class MemoryModule(Struct, frozen=True, kw_only=True, gc=False):
    """One memory module."""

    slot: str
    size_mib: int | None = None
    kind: str = ""
    mhz: int | None = None
    serial: str = ""
    health: Condition = Condition.UNKNOWN


class Writable(StrEnum):
    """Whether a BMC lets addresses of a port be written.

    `TOLD` by its own annotations, `PROVED` by a write of the value that was there already.
    """

    NO = "no"
    TOLD = "told"
    PROVED = "proved"
    UNKNOWN = "unknown"


class IscsiBoot(Struct, frozen=True, kw_only=True, gc=False):
    """From where a port boots over iSCSI."""

    initiator: str = ""
    target: str = ""
    address: str = ""
    port: int | None = None
    lun: int | None = None


class PortFunction(Struct, frozen=True, kw_only=True, gc=False):
    """What the operating system sees as one adapter: a NIC, a port of an HBA.

    `path` is where the BMC keeps it, `kind` is such as `Ethernet`, `FibreChannel` or `iSCSI`.
    `mac`, `wwpn` and `wwnn` are those in use, of a server that is off those of its next start,
    lower-case with colons; `burnt_in`, `burnt_wwpn` and `burnt_wwnn` are those it was made
    with. `writes` is what the BMC says of writing to `mac`, `wwn` and `iscsi`.
    """

    path: str
    name: str
    kind: str = ""
    mac: str = ""
    burnt_in: str = ""
    wwpn: str = ""
    wwnn: str = ""
    burnt_wwpn: str = ""
    burnt_wwnn: str = ""
    iscsi: IscsiBoot | None = None
    link_up: bool | None = None
    mbit_s: int | None = None
    writes: tuple[tuple[str, Writable], ...] = ()

    def may_write(self, what: str) -> Writable:
        """Return whether `mac`, `wwn` or `iscsi` can be written."""
        return dict(self.writes).get(what, Writable.UNKNOWN)


class Card(Struct, frozen=True, kw_only=True, gc=False):
    """A network adapter or host bus adapter, with its functions."""

    name: str
    model: str = ""
    maker: str = ""
    serial: str = ""
    firmware: str = ""
    slot: str = ""
    health: Condition = Condition.UNKNOWN
    functions: tuple[PortFunction, ...] = ()


class Drive(Struct, frozen=True, kw_only=True, gc=False):
    """A disk; `life_left_percent` is what an SSD says of its wear."""

    name: str
    model: str = ""
    serial: str = ""
    size_bytes: int | None = None
    media: str = ""
    protocol: str = ""
    slot: str = ""
    life_left_percent: int | None = None
    health: Condition = Condition.UNKNOWN


class Raid(Struct, frozen=True, kw_only=True, gc=False):
    """A volume that a controller makes of drives; `level` is such as `RAID1`."""

    name: str
    level: str = ""
    size_bytes: int | None = None
    drives: int | None = None
    health: Condition = Condition.UNKNOWN


class StorageUnit(Struct, frozen=True, kw_only=True, gc=False):
    """A controller, with what hangs on it; `drives` in the order the BMC tells them."""

    name: str
    model: str = ""
    firmware: str = ""
    health: Condition = Condition.UNKNOWN
    drives: tuple[Drive, ...] = ()
    volumes: tuple[Raid, ...] = ()


class Firmware(Struct, frozen=True, kw_only=True, gc=False):
    """One piece of firmware and its version."""

    name: str
    version: str
    updateable: bool | None = None


class Fan(Struct, frozen=True, kw_only=True, gc=False):
    """A fan; `reading` is in `unit`, such as RPM or percent."""

    name: str
    reading: float | None = None
    unit: str = ""
    health: Condition = Condition.UNKNOWN


class PowerSupply(Struct, frozen=True, kw_only=True, gc=False):
    """A power supply; `watts` is what it can give."""

    name: str
    model: str = ""
    serial: str = ""
    watts: float | None = None
    health: Condition = Condition.UNKNOWN


class Bay(Struct, frozen=True, kw_only=True, gc=False):
    """What stands in a slot of a chassis: `kind` is `server`, `module`, `chassis`."""

    slot: str
    kind: str
    name: str
    serial: str = ""


class Chassis(Struct, frozen=True, kw_only=True, gc=False):
    """An enclosure: of one server, of several blades, or a part of a larger one.

    `inside` is the path of the chassis it stands in, `slot` where. `managers` are the paths of
    those who manage it: more than one where they are redundant.
    """

    path: str
    name: str
    kind: str = ""
    maker: str = ""
    model: str = ""
    serial: str = ""
    slot: str = ""
    inside: str = ""
    health: Condition = Condition.UNKNOWN
    bays: tuple[Bay, ...] = ()
    fans: tuple[Fan, ...] = ()
    supplies: tuple[PowerSupply, ...] = ()
    managers: tuple[str, ...] = ()


class Controller(Struct, frozen=True, kw_only=True, gc=False):
    """A BMC or enclosure manager as it describes itself; `active` where two are redundant."""

    path: str
    name: str
    kind: str = ""
    model: str = ""
    firmware: str = ""
    active: bool | None = None
    health: Condition = Condition.UNKNOWN


class BootOverride(Struct, frozen=True, kw_only=True, gc=False):
    """From where a server boots next.

    `target` is such as `Pxe`, `Cd` or `Hdd`; `None` means that nothing is overridden. `once`
    is whether it counts for one start. `targets` are those that may be asked for, `mode` is
    `UEFI` or `Legacy`.
    """

    target: str = ""
    once: bool = False
    mode: str = ""
    targets: tuple[str, ...] = ()


class Medium(Struct, frozen=True, kw_only=True, gc=False):
    """A virtual drive of a BMC; `image` is the address of what is in it, without any password.

    `inserted` is None where it was not said.
    """

    path: str
    name: str
    kinds: tuple[str, ...] = ()
    inserted: bool | None = None
    image: str = ""
    write_protected: bool | None = None


class Hardware(Struct, frozen=True, kw_only=True, gc=False):
    """One server, read whole. `maker`, `model` and `serial` are those on its label.

    `memory_mib` and `threads` are those of the whole server. `unread` says what could not be
    read, and why: one text each. `abilities` are those of its BMC, such as `event-service`.
    """

    uuid: str
    maker: str = ""
    model: str = ""
    serial: str = ""
    name: str = ""
    asset_tag: str = ""
    bios: str = ""
    power: Power = Power.UNKNOWN
    health: Condition = Condition.UNKNOWN
    memory_mib: int | None = None
    threads: int | None = None
    boot: BootOverride = BootOverride()
    processors: tuple[Processor, ...] = ()
    memory: tuple[MemoryModule, ...] = ()
    cards: tuple[Card, ...] = ()
    storage: tuple[StorageUnit, ...] = ()
    firmware: tuple[Firmware, ...] = ()
    chassis: tuple[Chassis, ...] = ()
    controllers: tuple[Controller, ...] = ()
    media: tuple[Medium, ...] = ()
    abilities: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()


class Sensor(Struct, frozen=True, kw_only=True, gc=False):
    """A reading of a sensor in its unit: `Cel`, `V`, `W`, `RPM`, `%`; None while it says none."""

    name: str
    kind: str = ""
    reading: float | None = None
    unit: str = ""
    health: Condition = Condition.UNKNOWN


class LogEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of a BMC's log; `at` is seconds since 1970, 0 where it has no time of day."""

    id: str
    at: float
    severity: Condition
    message: str
    code: str = ""
    log: str = ""


class BootOrder(Struct, frozen=True, kw_only=True, gc=False):
    """An order to boot from elsewhere; `target` `None` takes an override away.

    `mode` is `UEFI` or `Legacy`, "" leaves it as it is.
    """

    target: str
    once: bool = True
    mode: str = ""


class MediumOrder(Struct, frozen=True, kw_only=True, gc=False):
    """An order about a virtual drive: insert an image, or with "" take out what is in it.

    `kind` is the drive's, such as `CD`; the first that has it is taken.
    """

    image: str = ""
    kind: str = "CD"
