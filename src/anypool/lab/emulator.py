"""The script that stands before QEMU in a lab without KVM; `emulator.sh` says why."""

import hashlib
from importlib.resources import files
from pathlib import Path

from anypool.lab import kernel

QEMU = Path("/usr/bin/qemu-system-x86_64")
_HOME = Path("/run/emulator")
_REAL = _HOME / "bin" / QEMU.name


def ensure(cache: Path) -> Path:
    """Return the script in the cache; it is written once, because libvirt heeds its age."""
    content = files("anypool.lab").joinpath("emulator.sh").read_bytes()
    script = cache / f"emulator-{hashlib.sha256(content).hexdigest()[:12]}.sh"
    if not script.exists():
        fresh = script.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.chmod(0o755)
        fresh.rename(script)
    return script


def put_before_qemu(script: str) -> None:
    """Show `script` in QEMU's place and QEMU elsewhere; run in a server's mount namespace.

    QEMU looks for its modules and firmware beside the folder it lies in.
    """
    _REAL.parent.mkdir(parents=True)
    for folder in ("lib", "share", "libexec"):
        (_HOME / folder).symlink_to(f"/usr/{folder}")
    _REAL.touch()
    kernel.bind(str(QEMU.resolve()), str(_REAL))
    kernel.bind(script, str(QEMU.resolve()))
