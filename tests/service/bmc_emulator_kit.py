"""Starts the emulator of other people's BMCs as a process, and stops it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from anypool.api.own_certificate import own


def uuid(number: int) -> str:
    return f"00000000-0000-4000-9000-{number:012d}"


class Emulated(Struct, frozen=True):
    url: str
    fingerprint: str


@contextmanager
def emulated(folder: Path, count: int) -> Iterator[Emulated]:
    """Run the emulator with some systems behind one address."""
    made = own(folder, frozenset({"localhost"}), 1_790_000_000.0)
    (folder / "cert.pem").write_bytes(Path(made.certificate).read_bytes())
    (folder / "key.pem").write_bytes(Path(made.key).read_bytes())
    command = [sys.executable, "-m", "tests.service.bmc_emulator", str(folder), str(count)]
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, (folder / "emulator.log").read_text()[-2000:]
        fingerprint = made.fingerprint.replace(":", "").lower()
        yield Emulated(f"https://127.0.0.1:{port}", fingerprint)
    finally:
        process.stdin.close()
        process.wait(10.0)
        process.stdout.close()
