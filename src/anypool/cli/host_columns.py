"""What is shown of hosts in lists."""

from anypool.cli import host_bmc
from anypool.cli.client import Json
from anypool.cli.output import Column
from anypool.cli.words import mib, moment


def _closed(host: Json) -> bool:
    return bool(host["maintenance"]) and host["state"] == "up"


COLUMNS = (
    Column("NAME", lambda host: host["name"]),
    Column("STATE", lambda host: "maintenance" if _closed(host) else host["state"]),
    Column("VMS", lambda host: host["vms"]),
    Column("CPUS", lambda host: host["cpus"]),
    Column("MEMORY", lambda host: mib(host["memory_mib"])),
    Column("FREE", lambda host: mib(host["memory_free_mib"])),
    Column("HYPERVISOR", lambda host: host["hypervisor"]),
    Column("TAGS", lambda host: host["tags"]),
    Column("CLUSTER", lambda host: host["cluster"], wide=True),
    Column("PLACE", lambda host: host["place"], wide=True),
    Column("LABELS", lambda host: host["labels"], wide=True),
    Column("POOL", lambda host: host["pool"], wide=True),
    Column("OBSERVE ONLY", lambda host: host["observe_only"], wide=True),
    Column("RESERVED", lambda host: mib(host["reserved_mib"]), wide=True),
    Column("SAVES POWER", lambda host: host["power_saved"], wide=True),
    Column("SOCKETS", lambda host: host["sockets"], wide=True),
    Column("ARCH", lambda host: host["arch"], wide=True),
    Column("CPU MODEL", lambda host: host["cpu_model"], wide=True),
    Column("DATASTORES", lambda host: host["datastores"], wide=True),
    Column("NETWORKS", lambda host: host["networks"], wide=True),
    Column("ENDPOINT", lambda host: host["endpoint"], wide=True),
    Column("ID", lambda host: host["id"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("CAPABILITIES", lambda host: host["capabilities"]),
    Column("WITHHELD", lambda host: host["withheld"]),
    Column("PLATFORM", lambda host: host["platform"]),
    Column("ACCELERATORS", lambda host: host["accelerators"]),
    Column("POWER", lambda host: host_bmc.power(host["bmc"])),
    Column("SEEN TO WAKE", lambda host: moment(host["wake_proven_at"])),
    Column("BMC", lambda host: (host["bmc"] or {}).get("url")),
)
