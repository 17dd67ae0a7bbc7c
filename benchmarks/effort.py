"""How much the CPUs of this machine worked: what a wall time means where they are the limit."""

import os
from pathlib import Path

_IDLE = (3, 4)  # the columns "idle" and "iowait" of /proc/stat


def busy_s() -> float:
    """Return the CPU seconds that all CPUs together have worked since the machine's start."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = sum(ticks[column] for column in _IDLE)
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def process_s(pid: int) -> float:
    """Return the CPU seconds of a process, its children that live and those it waited for."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(folder.name), int(after_name[1])):
            total += sum(int(word) for word in after_name[11:15]) / os.sysconf("SC_CLK_TCK")
    return total
