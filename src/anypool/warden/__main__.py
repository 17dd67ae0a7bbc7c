"""The command line on the host: run, hook, status, install, uninstall."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import suppress

from anypool.warden import hook
from anypool.warden.config import CONFIG, STATE, Config, Misconfigured, read_state
from anypool.warden.installing import Places, datastore_of, install, is_asked, uninstall
from anypool.warden.record import HARDWARE, NO_WATCHDOG, SOFTWARE, STAND_IN
from anypool.warden.running import Warden
from anypool.warden.watchdog import opened

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
WHAT_IT_IS = {
    HARDWARE: "hardware: it resets a host that is frozen",
    SOFTWARE: "software: it stands still with the kernel, and proves nothing",
    STAND_IN: "a stand-in: a process, for labs; no hardware",
    NO_WATCHDOG: "none: nothing ends VMs on a host that is frozen",
}


def clock() -> float:
    """Seconds since the boot, also those the host slept through; the same in every process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main() -> int:
    """Run one command; return the exit status."""
    if sys.argv[1:2] == ["hook"]:
        return hook.main(sys.argv[2:], clock)
    parser = argparse.ArgumentParser(prog="anypool-warden", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="renew the leases of this host, for ever")
    run.add_argument("--config", default=CONFIG)
    commands.add_parser("status", help="say how the leases and the watchdog stand")
    commands.add_parser("uninstall", help="take the warden off this host")
    setup = commands.add_parser("install", help="put the warden on this host and start it")
    setup.add_argument("--host", required=True, help="anypool's id of this host")
    setup.add_argument("--folder", required=True, action="append", help="of a marked datastore")
    setup.add_argument("--renew-s", type=float, default=2.0)
    setup.add_argument("--limit-s", type=float, default=20.0)
    setup.add_argument("--watchdog", default="/dev/watchdog", help='"" for none')
    setup.add_argument("--watchdog-s", type=int, default=10)
    given = parser.parse_args()
    try:
        return _COMMANDS[given.command](given)
    except (Misconfigured, OSError) as problem:
        sys.stderr.write(f"anypool-warden: {problem}\n")
        return 1


def _run(given: argparse.Namespace) -> int:
    config = Config.read(given.config)
    watchdog = opened(config.watchdog, config.stand_in, config.watchdog_s)
    warden = Warden(config, _boot(config), clock, watchdog)
    signal.signal(signal.SIGTERM, lambda *_: warden.leave())
    warden.run()
    return 0


def _boot(config: Config) -> str:
    with open(config.boot_file or _BOOT_ID) as file:
        return file.read().strip()


def _status(_: argparse.Namespace) -> int:
    told, armed = read_state(STATE)
    now = clock()
    well = bool(told)
    for one in told:
        age = now - one.renewed_at
        held = age < one.limit_s
        well &= held
        state = f"held, renewed {age:.1f} s ago" if held else "NOT HELD"
        print(f"lease in {one.folder}: {state}, epoch {one.me.epoch} {one.problem}".rstrip())
        for seen in one.seen:
            lease = seen.lease
            quiet = f"unchanged for {seen.unchanged_s():.0f} s"
            print(f"  sees {lease.name or lease.host}: {quiet}, watchdog {lease.watchdog}")
    kind = armed.get("kind", NO_WATCHDOG)
    named = f" ({armed['identity']}, {armed['timeout_s']:g} s)" if armed.get("identity") else ""
    print(f"watchdog: {WHAT_IT_IS.get(kind, kind)}{named}")
    asked = is_asked(Places())
    print("hook: " + ("libvirt asks it" if asked else "libvirt does NOT ask it: restart libvirtd"))
    return 0 if well and asked else 1


def _install(given: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise Misconfigured("only root can install it")
    config = Config(
        host=given.host,
        name=os.uname().nodename,
        datastores={datastore_of(folder): os.path.realpath(folder) for folder in given.folder},
        renew_s=given.renew_s,
        limit_s=given.limit_s,
        watchdog=given.watchdog,
        watchdog_s=given.watchdog_s,
    )
    install(config, Places(), clock)
    return _status(given)


def _uninstall(_: argparse.Namespace) -> int:
    uninstall(Config.read(CONFIG), Places())
    print("nothing of the warden is left on this host")
    return 0


_COMMANDS = {"run": _run, "status": _status, "install": _install, "uninstall": _uninstall}

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
