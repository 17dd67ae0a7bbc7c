"""Which accelerator guests get here: the one that boots a guest, whatever devices promise."""

import platform
import subprocess
import time
from pathlib import Path
from typing import Literal

import msgspec

from anypool.errors import NotSupported
from anypool.lab.commands import run, search_path
from anypool.lab.records import AcceleratorChoice, GuestImage
from anypool.lab.spec import Accelerator

_EMULATOR = "qemu-system-x86_64"
_KVM_TIMEOUT_S = 5.0
_TCG_TIMEOUT_S = 30.0


def choose(wish: Accelerator, image: GuestImage, cache: Path) -> AcceleratorChoice:
    """Boot a guest to find out; the answer is kept in `cache` until machine or QEMU change.

    Raises `NotSupported` when the wished accelerator boots no guest.
    """
    if wish != "auto":
        problem, seconds = _boot(wish, image)
        if problem:
            raise NotSupported(
                f"the accelerator {wish} boots no guest here: {problem}",
                hint="let the lab choose with --accelerator auto",
            )
        return AcceleratorChoice(accelerator=wish, reason=f"asked for; {_booted(wish, seconds)}")
    mark = _machine()
    known = _read(cache, mark)
    if known is None:
        known = _find_out(image)
        cache.write_bytes(msgspec.json.encode({"machine": mark, "choice": known}))
    return known


def _find_out(image: GuestImage) -> AcceleratorChoice:
    refused, seconds = _boot("kvm", image)
    if not refused:
        return AcceleratorChoice(accelerator="kvm", reason=_booted("kvm", seconds))
    problem, seconds = _boot("tcg", image)
    if problem:
        raise NotSupported(
            f"no guest boots here: with KVM {refused}; with TCG {problem}",
            hint="is the machine overloaded, or QEMU incomplete?",
        )
    return AcceleratorChoice(
        accelerator="tcg", reason=f"{_booted('tcg', seconds)}; with KVM {refused}"
    )


def _booted(accelerator: str, seconds: float) -> str:
    return f"a guest booted with {accelerator.upper()} in {seconds:.1f} s"


def _boot(accelerator: Literal["tcg", "kvm"], image: GuestImage) -> tuple[str, float]:
    """What went wrong ("" = nothing) when a guest was booted once, and the seconds it took."""
    limit = _KVM_TIMEOUT_S if accelerator == "kvm" else _TCG_TIMEOUT_S
    argv = [
        _EMULATOR, "-accel", accelerator, "-m", str(image.memory_mib), "-nodefaults",
        "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", image.kernel, "-initrd", image.initrd,
        "-append", f"{image.cmdline} panic=-1 once",
    ]  # fmt: skip
    begin = time.monotonic()
    answer = run(argv, timeout_s=limit)
    seconds = time.monotonic() - begin
    if "guest ready" in answer.out:
        return "", seconds
    if answer.code == 124:
        return f"a guest did not start within {limit:g} s", seconds
    return answer.last_line(), seconds


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    version = subprocess.run(
        [_EMULATOR, "--version"],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
        env={"PATH": search_path()},
    )
    return f"{boot} {platform.release()} {version.stdout.splitlines()[0]}"


def _read(cache: Path, mark: str) -> AcceleratorChoice | None:
    class Kept(msgspec.Struct):
        machine: str
        choice: AcceleratorChoice

    try:
        kept = msgspec.json.decode(cache.read_bytes(), type=Kept)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return kept.choice if kept.machine == mark else None
