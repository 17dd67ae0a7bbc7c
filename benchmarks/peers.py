"""Other programs that a benchmark compares with: found, or installed from the distribution."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = {
    "hbal": "ganeti-htools",
    "hspace": "ganeti-htools",
    "corosync": "corosync",
    "pacemakerd": "pacemaker",
    "crm_mon": "pacemaker-cli-utils",
    "fence_redfish": "fence-agents",
}


def ensure(program: str) -> None:
    """Install the package of a program if it is not there; end the benchmark if that fails."""
    if shutil.which(program):
        return
    package = PACKAGES[program]
    print(f"installing {package} for {program}", flush=True)
    if os.geteuid() or subprocess.run(["apt-get", "install", "-y", "-q", package]).returncode:
        raise SystemExit(f"{program} is missing: apt-get install {package}")


def timed(argv: list[str], limit_s: float) -> tuple[str, float] | None:
    """Return what a program prints and its duration in seconds, None if it takes longer."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{argv[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout, time.perf_counter() - begin


def python_with(requirement: str) -> Path:
    """Return a Python that has a package of PyPI, in an environment of its own in `build/peers`."""
    folder = Path("build", "peers", requirement.replace("==", "-")).absolute()
    python, ready = folder / "env" / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"installing {requirement}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / "env")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", requirement], check=True)
        ready.touch()
    return python
