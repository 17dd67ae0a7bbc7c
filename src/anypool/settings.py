"""Everything an administrator can set, with its meaning, and where it is read from.

Order, later wins: the default, `<state_dir>/anypool.toml`, the environment variable
`ANYPOOL_<NAME>` in capitals. What is not known is refused.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from anypool.errors import Invalid

FILE = "anypool.toml"

Seconds = Annotated[float, Meta(gt=0)]
Days = Annotated[float, Meta(gt=0, le=36500)]
Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class Settings(Struct, frozen=True, kw_only=True):
    """All settings; the text beside each is what the reference shows."""

    state_dir: Annotated[str, Meta(description="folder of the database, keys and certificates")]
    database: Annotated[
        str, Meta(description="database address; empty means SQLite in the state folder")
    ] = ""
    listen_host: Annotated[str, Meta(description="address the manager listens on")] = "127.0.0.1"
    listen_port: Annotated[Port, Meta(description="port the manager listens on")] = 8420
    tls_certificate: Annotated[
        str, Meta(description="file with the manager's certificate; empty: one of its own making")
    ] = ""
    tls_key: Annotated[str, Meta(description="file with the key of that certificate")] = ""
    tls_own_days: Annotated[
        Days, Meta(description="how long a certificate of its own making is good")
    ] = 825.0
    tls_check_s: Annotated[
        Seconds, Meta(description="between two looks whether its certificate is renewed or to be")
    ] = 60.0
    workers: Annotated[Count, Meta(description="worker processes for drivers")] = 2

    demo: Annotated[
        bool,
        Meta(description="a simulated pool to play failures on; takes no other endpoints"),
    ] = False
    demo_hosts: Annotated[Count, Meta(description="hosts of a new simulated pool")] = 40
    demo_vms: Annotated[Count, Meta(description="VMs of a new simulated pool")] = 400

    steps_at_once: Annotated[Count, Meta(description="steps of all runs at one time")] = 64
    steps_per_host: Annotated[
        Count, Meta(description="steps at one time on one host; a libvirt daemon takes on 20")
    ] = 20
    moves_per_host: Annotated[
        Count, Meta(description="migrations at one time into or out of one host")
    ] = 2
    moves_per_pool: Annotated[Count, Meta(description="migrations at one time in a pool")] = 4
    migration_pause_ms: Annotated[
        Count, Meta(description="pause of the guest that a migration starts out with")
    ] = 10
    migration_pause_max_ms: Annotated[
        Count, Meta(description="pause of the guest that no migration exceeds to converge")
    ] = 2000
    migration_bandwidth_mib_s: Annotated[
        int, Meta(ge=0, description="limit of one migration in MiB/s; 0 is none")
    ] = 0

    observe_every_s: Annotated[Seconds, Meta(description="between two full readings")] = 30.0
    changes_wait_s: Annotated[Seconds, Meta(description="how long to wait for an event")] = 10.0
    digest_mib_s: Annotated[
        int, Meta(ge=0, description="how fast an image is read for its digest; 0 is no limit")
    ] = 100
    watch_every_s: Annotated[
        Seconds, Meta(description="between two looks at the loads for policies that yield plans")
    ] = 60.0
    measure_every_s: Annotated[Seconds, Meta(description="between two readings of the load")] = 5.0
    history_step_s: Annotated[
        Count, Meta(description="one kept load is the mean over so long; must divide an hour")
    ] = 30
    history_flush_s: Annotated[
        Seconds,
        Meta(description="a manager that is killed loses the loads of so long, and of one step"),
    ] = 30.0
    inventory_every_s: Annotated[
        Seconds, Meta(description="between two stored inventories, if anything changed")
    ] = 600.0

    retention_every_s: Annotated[
        Seconds, Meta(description="between two rounds that remove what is old")
    ] = 3600.0
    plan_valid_days: Annotated[
        Days, Meta(description="a plan that nobody ran by then is superseded")
    ] = 30.0
    keep_operations_days: Annotated[
        Days, Meta(description="operations and rollouts are kept for so long after their end")
    ] = 365.0
    keep_plans_days: Annotated[
        Days, Meta(description="plans are kept for so long after they came to an end")
    ] = 365.0
    keep_measurements_days: Annotated[
        Days, Meta(description="what steps took, which corrects prices, is kept for so long")
    ] = 730.0
    keep_inventories_days: Annotated[
        Days, Meta(description="all stored inventories are kept for so long")
    ] = 1.0
    keep_hourly_inventories_days: Annotated[
        Days, Meta(description="one stored inventory of each hour is kept for so long")
    ] = 7.0
    keep_daily_inventories_days: Annotated[
        Days, Meta(description="one stored inventory of each day is kept for so long")
    ] = 365.0
    keep_loads_days: Annotated[Days, Meta(description="loads are kept in full for so long")] = 14.0
    keep_daily_loads_days: Annotated[
        Days, Meta(description="loads are kept by the day for so long")
    ] = 800.0
    keep_events_days: Annotated[Days, Meta(description="events are kept for so long")] = 365.0
    keep_audit_days: Annotated[Days, Meta(description="the audit trail is kept for so long")] = (
        730.0
    )
    keep_logins_days: Annotated[
        Days,
        Meta(description="failed logins, sessions and tokens that are over, are kept for so long"),
    ] = 7.0
    keep_requests_days: Annotated[
        Days,
        Meta(description="a request sent again with its idempotency key is known for so long"),
    ] = 1.0

    keep_letters_days: Annotated[
        Days, Meta(description="what notifications told, or could not, is kept for so long")
    ] = 30.0
    notify_allow: Annotated[
        str,
        Meta(
            description="addresses and networks that notifications may go to though they are "
            "this machine's or its link's, such as `127.0.0.0/8, ::1`"
        ),
    ] = ""
    notify_give_up_h: Annotated[
        float,
        Meta(
            gt=0, le=8760, description="hours after which a message that nobody takes is given up"
        ),
    ] = 24.0

    certificates_every_s: Annotated[
        Seconds, Meta(description="between two looks at the certificates of hosts and BMCs")
    ] = 21_600.0

    manager_vm: Annotated[
        str,
        Meta(
            description="id of the VM of this pool that the manager runs in; "
            "empty: it recognises it by the UUID of its machine"
        ),
    ] = ""

    energy_file: Annotated[
        str,
        Meta(
            description="file that says what hosts draw and what a kWh costs; "
            "empty: `energy.yaml` in the state folder, if it is there"
        ),
    ] = ""

    backup_folder: Annotated[
        str,
        Meta(description="folder the manager puts backups into; empty: it takes none by itself"),
    ] = ""
    backup_every_h: Annotated[
        float, Meta(gt=0, le=8760, description="hours between two backups")
    ] = 24.0
    backup_keep: Annotated[Count, Meta(description="backups that are kept, the newest ones")] = 14

    unreachable_retry_s: Annotated[
        Seconds, Meta(description="first pause after an endpoint did not answer; doubles")
    ] = 1.0
    unreachable_retry_max_s: Annotated[
        Seconds, Meta(description="longest pause between attempts to reach an endpoint")
    ] = 60.0

    step_deadline_s: Annotated[
        Seconds, Meta(description="a step that is not done by then needs a person")
    ] = 300.0
    migration_deadline_s: Annotated[
        Seconds, Meta(description="a migration that is not done by then needs a person")
    ] = 3600.0
    shut_down_wait_s: Annotated[
        Seconds, Meta(description="how long a guest has to shut down when asked")
    ] = 60.0
    host_shut_down_wait_s: Annotated[
        Seconds,
        Meta(description="how long an empty host has to shut down; then its BMC switches it off"),
    ] = 180.0
    address_rest_s: Annotated[
        Seconds,
        Meta(
            description="how long an address of a profile rests before it is given again; at "
            "least as long as the longest DHCP lease"
        ),
    ] = 86_400.0
    initiator_base: Annotated[
        str, Meta(description="what names of iSCSI initiators of profiles begin with")
    ] = "iqn.2026-11.local.anypool"
    bmc_every_s: Annotated[
        Seconds, Meta(description="between two readings of a host's power at its BMC")
    ] = 60.0
    snmp_trap_listen: Annotated[
        str,
        Meta(
            description="address and port at which SNMP traps of BMCs are taken, such as "
            "`0.0.0.0:162`; empty: none are"
        ),
    ] = ""
    snmp_trap_community: Annotated[
        str, Meta(description="community that traps of SNMP v1 and v2c must have; empty: any")
    ] = ""
    bmc_push_url: Annotated[
        str,
        Meta(
            description="address at which BMCs reach this manager, such as "
            "`https://10.0.0.5:8420`; they are asked to push their events there where they have "
            "no stream; empty: none is asked"
        ),
    ] = ""
    stand_in_watchdogs: Annotated[
        bool,
        Meta(
            description="for labs only: a process that ends all others counts as a hardware "
            "watchdog, so that a storage lease which ran out proves a host dead"
        ),
    ] = False
    look_every_s: Annotated[
        Seconds, Meta(description="between two looks at a running migration")
    ] = 0.25
    settle_s: Annotated[
        Seconds, Meta(description="how long an unclear state must last before it is acted on")
    ] = 3.0
    host_away_s: Annotated[
        Seconds,
        Meta(description="a host that is silent for so long is away, and not merely slow"),
    ] = 30.0
    stall_s: Annotated[
        Seconds,
        Meta(description="how long a platform has to settle a broken migration by itself"),
    ] = 45.0
    audit_head_every_s: Annotated[
        Seconds, Meta(description="between two exports of the audit trail's head")
    ] = 60.0
    audit_head_file: Annotated[
        str, Meta(description="file the heads are added to; empty: one in the state folder")
    ] = ""
    audit_syslog: Annotated[
        str, Meta(description="socket of syslog, or HOST:PORT (UDP), heads are sent to as well")
    ] = ""
    attempts_max: Annotated[Count, Meta(description="times one step is tried")] = 5
    failover_silent_s: Annotated[
        Seconds,
        Meta(description="a server whose profile's probe is silent for so long has failed"),
    ] = 30.0
    failover_pause_s: Annotated[
        Seconds,
        Meta(description="after a server failed over by itself, others of its pool wait so long"),
    ] = 600.0
    lease_s: Annotated[
        Seconds, Meta(description="a manager that is silent for so long is replaced")
    ] = 6.0

    @property
    def energy_path(self) -> Path:
        """Return where it is said what hosts draw and what a kWh costs."""
        return Path(self.energy_file or Path(self.state_dir) / "energy.yaml")

    @property
    def database_url(self) -> str:
        """Return where the database is, as SQLAlchemy writes it."""
        return self.database or f"sqlite:///{Path(self.state_dir).absolute() / 'anypool.db'}"


def state_dir(environment: Mapping[str, str], *, root: bool) -> Path:
    """Return the state folder: $ANYPOOL_STATE, or the place the system has for such things."""
    if given := environment.get("ANYPOOL_STATE"):
        return Path(given)
    if root:
        return Path("/var/lib/anypool")
    home = environment.get("XDG_STATE_HOME") or f"{environment.get('HOME', '.')}/.local/state"
    return Path(home) / "anypool"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this machine; raise `Invalid` for what is unknown or malformed."""
    environment = os.environ if environment is None else environment
    folder = state_dir(environment, root=os.geteuid() == 0)
    given = _file(folder / FILE) | _environment(environment)
    given.setdefault("state_dir", str(folder))
    return _checked(given)


def _file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}", hint="correct or remove it") from error
    for name in content:
        _known(name, str(path))
    return content


def _environment(environment: Mapping[str, str]) -> dict[str, Any]:
    given = {}
    for variable, value in environment.items():
        name = variable.removeprefix("ANYPOOL_").lower()
        if name != variable.lower() and name not in NOT_SETTINGS:
            _known(name, f"the environment ({variable})")
            given[name] = value
    return given


NOT_SETTINGS = frozenset({"state", "token", "url", "context", "config"})
"""Variables of the same prefix that mean something else."""


def _known(name: str, where: str) -> None:
    fields = Settings.__struct_fields__
    if name not in fields:
        near = get_close_matches(name, fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(fields)}"
        raise Invalid(f"unknown setting {name} in {where}", hint=hint)


def _checked(given: dict[str, Any]) -> Settings:
    try:
        made = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        hint = "the reference of settings lists names, units and limits"
        raise Invalid(f"settings: {error}", hint=hint) from error
    if 3600 % made.history_step_s:
        hint = "use a number of seconds that divides 3600, such as 5, 10, 20, 30 or 60"
        raise Invalid(
            f"settings: an hour has no whole number of {made.history_step_s} s", hint=hint
        )
    return made
