"""The script before QEMU adds 8 KiB to the machine's memory and to what backs it, or to neither."""

import subprocess
from importlib.resources import files

import pytest

SCRIPT = files("anypool.lab").joinpath("emulator.sh").read_text(encoding="utf-8")
EMULATOR = "/run/emulator/bin/qemu-system-x86_64"
BACKED = '{"qom-type":"memory-backend-ram","id":"pc.ram","size":134217728}'
BACKED_MORE = '{"qom-type":"memory-backend-ram","id":"pc.ram","size":134225920}'
NODE = '{"qom-type":"memory-backend-ram","id":"ram-node0","size":134217728}'


def words_after(*words: str) -> list[str]:
    assert SCRIPT.count(f"exec {EMULATOR} ") == 1
    script = SCRIPT.replace(f"exec {EMULATOR} ", "exec printf '%s\\n' ")
    done = subprocess.run(
        ["/bin/sh", "-euc", script, "sh", *words],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("memory", "more"),
    [("128", "131080k"), ("size=131072k", "size=131080k")],
    ids=["old libvirt", "new libvirt"],
)
def test_both_sizes_grow_alike(memory: str, more: str) -> None:
    assert words_after("-m", memory, "-object", BACKED) == ["-m", more, "-object", BACKED_MORE]


@pytest.mark.parametrize("memory", ["size=131072k,slots=16,maxmem=1048576k", "128M", "size=1G"])
def test_memory_written_in_another_way_is_left_alone(memory: str) -> None:
    assert words_after("-m", memory, "-object", NODE) == ["-m", memory, "-object", NODE]


def test_other_words_pass_unchanged() -> None:
    words = ["-append", "console=ttyS0 a  'b' \"c\"", "-smp", "2", ""]
    assert words_after(*words) == words
