"""The watchdog of a host: armed, fed, and read back, honest about what it is.

Only a device that is no part of the kernel resets a host that is frozen. So the sysfs of the
kernel is asked where the device lies: one without hardware behind it is software. Some drivers
(`i6300esb`) register theirs without a word about the hardware; then a PCI device must be bound to
the driver that has the watchdog's own name.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import struct
from contextlib import suppress
from dataclasses import dataclass

from anypool.warden.record import HARDWARE, NO_WATCHDOG, SOFTWARE, STAND_IN

_KEEPALIVE = 0x80045705
_SETTIMEOUT = 0xC0045706
_GETTIMEOUT = 0x80045707
_GETSUPPORT = 0x80285700
_SYSFS = "/sys/class/watchdog"
_PCI_DRIVERS = "../../bus/pci/drivers"
"""As seen from the folder of the watchdogs."""


@dataclass(frozen=True)
class Armed:
    """What was read back of a watchdog: its kind, its own name, after how long it acts."""

    kind: str = NO_WATCHDOG
    identity: str = ""
    timeout_s: float = 0.0


class Watchdog:
    """A host without one."""

    def arm(self) -> Armed:
        """Start it, and return what was read back; raise `OSError`."""
        return Armed()

    def feed(self) -> None:
        """Let it wait for its whole time again."""

    def disarm(self) -> None:
        """Stop it; only when nothing is left that it guards."""


class Device(Watchdog):
    """`/dev/watchdog`, as the kernel's interface has it."""

    def __init__(self, path: str, timeout_s: int, sysfs: str = _SYSFS) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._sysfs = sysfs
        self._handle = -1

    def arm(self) -> Armed:
        """Open it, which starts it, set its time, and read back what it is."""
        if self._handle < 0:
            self._handle = os.open(self._path, os.O_WRONLY)
        with suppress(OSError):  # some have one time only, which is read back
            fcntl.ioctl(self._handle, _SETTIMEOUT, struct.pack("i", self._timeout_s))
        timeout = array.array("i", [0])
        fcntl.ioctl(self._handle, _GETTIMEOUT, timeout)
        support = bytearray(40)
        fcntl.ioctl(self._handle, _GETSUPPORT, support)
        identity = bytes(support[8:]).split(b"\0")[0].decode(errors="replace")
        return Armed(kind_of(self._path, identity, self._sysfs), identity, float(timeout[0]))

    def feed(self) -> None:
        """Feed it."""
        if self._handle >= 0:
            fcntl.ioctl(self._handle, _KEEPALIVE, 0)

    def disarm(self) -> None:
        """Say that the end is meant; a kernel with `nowayout` resets the host all the same."""
        if self._handle >= 0:
            os.write(self._handle, b"V")
            os.close(self._handle)
            self._handle = -1


def kind_of(path: str, identity: str, sysfs: str = _SYSFS) -> str:
    """Return what stands behind a watchdog's device; in doubt it is software."""
    name = os.path.basename(os.path.realpath(path))
    name = "watchdog0" if name == "watchdog" else name
    try:
        place = os.path.realpath(os.path.join(sysfs, name), strict=True)  # type: ignore[call-arg,unused-ignore]
    except TypeError:  # Python 3.9
        place = os.path.realpath(os.path.join(sysfs, name))
    except OSError:
        return SOFTWARE
    if not os.path.isdir(place) or "software" in identity.lower():
        return SOFTWARE
    lies_there = "/virtual/" not in place and os.path.exists(os.path.join(place, "device"))
    if not lies_there and not _drives_hardware(identity, sysfs):
        return SOFTWARE
    try:
        with open(os.path.join(place, "state")) as file:
            active = file.read().strip() == "active"
    except OSError:
        return SOFTWARE
    return HARDWARE if active else SOFTWARE


def _drives_hardware(identity: str, sysfs: str) -> bool:
    """Whether a PCI device is bound to the driver that calls itself so."""
    if not identity or "/" in identity or identity.startswith("."):
        return False
    try:
        bound = os.listdir(os.path.join(sysfs, _PCI_DRIVERS, identity))
    except OSError:
        return False
    return any(name.count(":") == 2 for name in bound)  # 0000:00:04.0


class StandIn(Watchdog):
    """A supervisor's pipe, for labs without hardware; what it is, is read from beside it.

    The pipe takes the seconds after which the supervisor is to end everything on this host.
    """

    def __init__(self, path: str, timeout_s: int) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._handle = -1

    def arm(self) -> Armed:
        """Open the pipe, feed it once, and read back what the supervisor says it is."""
        if self._handle < 0:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        self.feed()
        with open(f"{self._path}.identity") as file:
            said = json.load(file)
        return Armed(STAND_IN, str(said["identity"]), float(self._timeout_s))

    def feed(self) -> None:
        """Feed it."""
        if self._handle >= 0:
            os.write(self._handle, f"{self._timeout_s}\n".encode())

    def disarm(self) -> None:
        """Say that the end is meant."""
        if self._handle >= 0:
            os.write(self._handle, b"V\n")
            os.close(self._handle)
            self._handle = -1


def opened(device: str, stand_in: str, timeout_s: int) -> Watchdog:
    """Return the watchdog of a host, which is not armed yet."""
    if stand_in:
        return StandIn(stand_in, timeout_s)
    return Device(device, timeout_s) if device else Watchdog()
