"""A whole datacenter on one Linux machine: servers with a real libvirt and a real BMC each.

Servers are namespaces inside one outer set of namespaces, so that nothing on the machine
changes, two labs never meet, and the end of the outer process ends everything.
"""

from anypool.lab.blades.boothost import serving_with_image
from anypool.lab.blades.disk_system import CMDLINE
from anypool.lab.blades.netboot import serving_system
from anypool.lab.bmc_moods import Mood, set_mood
from anypool.lab.lifecycle import down, status, up
from anypool.lab.probe import probe
from anypool.lab.records import (
    AcceleratorChoice,
    Emulator,
    GuestImage,
    LabProbe,
    LabStatus,
    MissingPackage,
    ServerStatus,
)
from anypool.lab.servers import (
    all_processes,
    boot,
    enter_command,
    freeze,
    heal,
    kill,
    partition,
    processes,
    server_command,
    thaw,
)
from anypool.lab.spec import LabSpec

__all__ = [
    "CMDLINE",
    "AcceleratorChoice",
    "Emulator",
    "GuestImage",
    "LabProbe",
    "LabSpec",
    "LabStatus",
    "MissingPackage",
    "Mood",
    "ServerStatus",
    "all_processes",
    "boot",
    "down",
    "enter_command",
    "freeze",
    "heal",
    "kill",
    "partition",
    "probe",
    "processes",
    "server_command",
    "serving_system",
    "serving_with_image",
    "set_mood",
    "status",
    "thaw",
    "up",
]
