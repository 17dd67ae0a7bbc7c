"""The lab's outer namespaces: how to start a program in new ones, and how to enter them."""

import os

from anypool.lab.records import Mode


def new(mode: Mode) -> list[str]:
    """Start of a command line that runs a program as first process of new outer namespaces.

    The program dies with the `unshare` in front of it, and everything in there with the
    program.
    """
    argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if mode == "rootless":
        argv += ["--user", "--map-current-user", "--keep-caps"]
    return [*argv, "--"]


def enter_network(mode: Mode, pid: int) -> list[str]:
    """Start of a command line that runs a program in the network namespace of `pid`."""
    return [*_target(mode, pid), "--net", "--"]


def enter_server(mode: Mode, pid: int) -> list[str]:
    """Start of a command line that runs a program inside the server whose process is `pid`."""
    return [*_target(mode, pid), "--net", "--mount", "--uts", "--pid", "--"]


def own_mode() -> Mode:
    """How a lab of this user would run, if it can run at all."""
    return "root" if os.geteuid() == 0 else "rootless"


def _target(mode: Mode, pid: int) -> list[str]:
    user = ["--user", "--preserve-credentials"] if mode == "rootless" else []
    return ["nsenter", "--target", str(pid), *user]
