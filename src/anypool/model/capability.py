"""What an endpoint can do, recorded on each host so that planners need no driver."""

from enum import StrEnum


class Capability(StrEnum):
    """A group of driver operations that come together; see `drivers.base.OPERATIONS`."""

    VM_CREATE = "vm-create"
    VM_ADOPT = "vm-adopt"
    VM_POWER = "vm-power"
    VM_PAUSE = "vm-pause"
    VM_RENAME = "vm-rename"
    VM_RECONFIGURE = "vm-reconfigure"
    VM_DEVICES = "vm-devices"
    DISK_MIGRATION = "disk-migration"
    SNAPSHOT = "snapshot"
    TEMPLATE = "template"
    LABELS = "labels"
    LIVE_MIGRATION = "live-migration"
    INVITATION = "invitation"
    CONSOLE = "console"
    STATISTICS = "statistics"
    TRACES = "traces"
    EVENTS = "events"
    DIGEST = "digest"
    HOST_POWER = "host-power"
    HOST_LEASES = "host-leases"
    HOST_MAINTENANCE = "host-maintenance"
    TASKS = "tasks"
    HOST_REACH = "host-reach"
