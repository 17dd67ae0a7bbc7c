"""What a trap is about, as far as its id says so: pure tables, and its own words for the rest."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from anypool.engine.hearing.trap import GENERIC, Trap
from anypool.plan import Reason, reason
from anypool.store.records import Severity


class About(StrEnum):
    """What of a server a trap is about; OTHER where nobody here knows."""

    START = "start"
    LINK = "link"
    LOGIN = "login"
    POWER = "power"
    HEALTH = "health"
    TEMPERATURE = "temperature"
    FAN = "fan"
    SUPPLY = "supply"
    VOLTAGE = "voltage"
    BATTERY = "battery"
    PROCESSOR = "processor"
    MEMORY = "memory"
    DISK = "disk"
    OTHER = "other"


class State(StrEnum):
    """What happened to it; TOLD where the trap says no more than that something did."""

    FAILED = "failed"
    DEGRADED = "degraded"
    GOOD = "good"
    ADDED = "added"
    REMOVED = "removed"
    TOLD = "told"


_CODES: dict[About, str] = {
    About.LINK: "trap.link",
    About.LOGIN: "trap.login",
    About.POWER: "trap.power",
    About.HEALTH: "trap.health",
    About.TEMPERATURE: "trap.temperature",
    About.FAN: "trap.fan",
    About.SUPPLY: "trap.supply",
    About.VOLTAGE: "trap.voltage",
    About.BATTERY: "trap.battery",
    About.PROCESSOR: "trap.processor",
    About.MEMORY: "trap.memory",
    About.DISK: "trap.disk",
    About.OTHER: "trap.other",
}
_STATE_CODES: dict[State, str] = {
    State.FAILED: "trap.state-failed",
    State.DEGRADED: "trap.state-degraded",
    State.GOOD: "trap.state-good",
    State.ADDED: "trap.state-added",
    State.REMOVED: "trap.state-removed",
    State.TOLD: "trap.state-told",
}
_READ = (About.TEMPERATURE, About.VOLTAGE, About.HEALTH)
"""What does not fail but is critical."""


class Meaning(Struct, frozen=True, kw_only=True):
    """What a trap says; `vendor` is whose trap it is, "" for a general one."""

    about: About = About.OTHER
    state: State = State.TOLD
    vendor: str = ""
    text: str = ""

    @property
    def severity(self) -> Severity:
        """Return how much attention it asks for: never that of an error, for nothing is proved."""
        bad = self.state in (State.FAILED, State.DEGRADED, State.REMOVED)
        return Severity.WARNING if bad else Severity.INFO

    def said(self, version: str) -> Reason:
        """Return it in words."""
        if version == "3":
            return reason("trap.unread")
        if self.about is About.START:
            return reason("trap.start", text=self.text or "-")
        critical = self.state is State.FAILED and self.about in _READ
        state = reason("trap.state-critical" if critical else _STATE_CODES[self.state])
        what = reason(_CODES[self.about], state=state)
        return reason("trap.said", what=what, text=self.text or "-")


HPE = "1.3.6.1.4.1.232."
DELL = "1.3.6.1.4.1.674.10892.5.3.2."
FUJITSU = "1.3.6.1.4.1.231."
PET = "1.3.6.1.4.1.3183.1.1."
"""Platform Event Traps of IPMI, which BMCs of many vendors send."""
_DELL_MESSAGE = "1.3.6.1.4.1.674.10892.5.3.1.2"
LONGEST = 240

_F, _D, _G = State.FAILED, State.DEGRADED, State.GOOD
_GENERIC: dict[int, tuple[About, State]] = {
    1: (About.START, State.TOLD),
    2: (About.START, State.TOLD),
    3: (About.LINK, _F),
    4: (About.LINK, _G),
    5: (About.LOGIN, _F),
}
_HPE: dict[int, tuple[About, State]] = {
    **dict.fromkeys((6017, 6040), (About.TEMPERATURE, _F)),
    **dict.fromkeys((6018, 6041), (About.TEMPERATURE, _D)),
    **dict.fromkeys((6019, 6042), (About.TEMPERATURE, _G)),
    **dict.fromkeys((6020, 6036), (About.FAN, _F)),
    **dict.fromkeys((6021, 6035, 6037), (About.FAN, _D)),
    **dict.fromkeys((6022, 6055), (About.FAN, _G)),
    6038: (About.FAN, State.ADDED),
    6039: (About.FAN, State.REMOVED),
    **dict.fromkeys((6031, 6050), (About.SUPPLY, _F)),
    **dict.fromkeys((6030, 6032, 6049, 6069), (About.SUPPLY, _D)),
    **dict.fromkeys((6048, 6054), (About.SUPPLY, _G)),
    6033: (About.SUPPLY, State.ADDED),
    6034: (About.SUPPLY, State.REMOVED),
    **dict.fromkeys((6015, 6029, 6056, 6064), (About.MEMORY, _D)),
    **dict.fromkeys((6070,), (About.BATTERY, _F)),
    6071: (About.BATTERY, State.REMOVED),
    6027: (About.HEALTH, _D),
    1006: (About.PROCESSOR, State.TOLD),
    **dict.fromkeys((3029, 3034, 3036, 3046), (About.DISK, State.TOLD)),
    9001: (About.POWER, State.TOLD),
    9002: (About.POWER, _F),
    9003: (About.LOGIN, _F),
    9014: (About.HEALTH, _F),
    **dict.fromkeys((9017, 9018), (About.POWER, State.TOLD)),
    9019: (About.POWER, _F),
}
"""By the numbers of CPQHLTH-MIB, CPQSM2-MIB, CPQSTDEQ-MIB and CPQIDA-MIB."""
_DELL: dict[int, About] = {
    2153: About.FAN,
    2161: About.TEMPERATURE,
    2169: About.VOLTAGE,
    2177: About.POWER,
    2185: About.SUPPLY,
    2225: About.BATTERY,
    2241: About.PROCESSOR,
    2265: About.MEMORY,
    2297: About.DISK,
    2457: About.PROCESSOR,
    2465: About.SUPPLY,
    2473: About.SUPPLY,
    4329: About.DISK,
    4345: About.DISK,
    4353: About.DISK,
    8577: About.POWER,
}
"""By the numbers of IDRAC-MIB-SMIv2: the first of three is a failure, then comes the warning."""
_DELL_STATES = (_F, _D, _G)
_PET: dict[int, About] = {
    0x01: About.TEMPERATURE,
    0x02: About.VOLTAGE,
    0x04: About.FAN,
    0x06: About.LOGIN,
    0x07: About.PROCESSOR,
    0x08: About.SUPPLY,
    0x09: About.POWER,
    0x0C: About.MEMORY,
    0x0D: About.DISK,
    0x22: About.POWER,
    0x29: About.BATTERY,
}
"""By the types of sensors of IPMI."""
_PET_SEVERITY_AT = 26
_PET_STATES = {0x04: _G, 0x08: _D, 0x10: _F, 0x20: _F}
_GONE = 0x80
_WORDS: tuple[tuple[About, tuple[str, ...]], ...] = (
    (About.SUPPLY, ("power supply", "psu")),
    (About.FAN, ("fan",)),
    (About.TEMPERATURE, ("temperature", "temp", "ambient", "overheat")),
    (About.VOLTAGE, ("voltage",)),
    (About.BATTERY, ("battery",)),
    (About.MEMORY, ("memory", "dimm")),
    (About.PROCESSOR, ("cpu", "processor")),
    (About.DISK, ("disk", "drive", "hdd", "ssd", "raid")),
    (About.POWER, ("power",)),
)
_STATES: tuple[tuple[State, tuple[str, ...]], ...] = (
    (_G, ("normal", "ok", "recovered", "restored", "again")),
    (_F, ("critical", "failed", "failure", "fail", "error", "broken", "lost")),
    (_D, ("warning", "degraded", "prefailure", "predicted")),
)


def meaning(trap: Trap) -> Meaning:
    """Return what a trap is about; one that nobody here knows keeps its id and its words."""
    if not trap.oid:
        return Meaning()
    text = " | ".join(dict.fromkeys(trap.texts))[:LONGEST]
    number = _last(trap.oid)
    if trap.oid.startswith(f"{GENERIC}."):
        about, state = _GENERIC.get(number, (About.OTHER, State.TOLD))
        return Meaning(about=about, state=state, text=text)
    if trap.oid.startswith(HPE):
        about, state = _HPE.get(number, (About.OTHER, State.TOLD))
        return _known(trap, Meaning(about=about, state=state, vendor="HPE", text=text))
    if trap.oid.startswith(DELL):
        return _known(trap, _of_dell(trap, number, text))
    if trap.oid.startswith(PET):
        return _of_pet(trap, number)
    if trap.oid.startswith(FUJITSU):
        return _of_words(trap, "Fujitsu", text)
    return Meaning(text=f"{trap.oid}: {text}"[:LONGEST])


def _known(trap: Trap, found: Meaning) -> Meaning:
    """Return a meaning, with the trap's id in its words where the tables do not know it."""
    if found.about is not About.OTHER:
        return found
    return Meaning(vendor=found.vendor, text=f"{trap.oid}: {found.text}"[:LONGEST])


def _of_dell(trap: Trap, number: int, text: str) -> Meaning:
    told = next((said for name, said in trap.binds if name.startswith(_DELL_MESSAGE)), "")
    about, state = About.OTHER, State.TOLD
    for first, what in _DELL.items():
        if first <= number < first + len(_DELL_STATES):
            about, state = what, _DELL_STATES[number - first]
    if about is About.POWER and number >= 8577:
        state = State.TOLD  # that its power was switched, not how that was meant
    return Meaning(about=about, state=state, vendor="Dell", text=told or text)


def _of_pet(trap: Trap, number: int) -> Meaning:
    """Return what a Platform Event Trap says: its number is type of sensor, of event, offset."""
    about = _PET.get(number >> 16 & 0xFF, About.OTHER)
    octets = max(trap.raw.values(), key=len, default=b"")
    state = State.TOLD
    if len(octets) > _PET_SEVERITY_AT:
        state = _PET_STATES.get(octets[_PET_SEVERITY_AT], State.TOLD)
    if number & _GONE:
        state = _G
    return Meaning(about=about, state=state, vendor="IPMI", text=f"PET {number}")


def _of_words(trap: Trap, vendor: str, text: str) -> Meaning:
    """Return what the words of a trap seem to be about: its numbers are not known here."""
    words = set(_split(text.lower()))
    about = next((one for one, some in _WORDS if _any(some, words, text)), About.OTHER)
    state = next((one for one, some in _STATES if _any(some, words, text)), State.TOLD)
    return Meaning(about=about, state=state, vendor=vendor, text=f"{trap.oid}: {text}"[:LONGEST])


def _any(some: tuple[str, ...], words: set[str], text: str) -> bool:
    low = text.lower()
    return any(one in low if " " in one else one in words for one in some)


def _split(text: str) -> Iterator[str]:
    """Yield the words of a text without the numbers at their ends: `FAN1` is a fan."""
    for word in "".join(char if char.isalnum() else " " for char in text).split():
        yield word.rstrip("0123456789")


def _last(oid: str) -> int:
    return int(oid.rpartition(".")[2])
