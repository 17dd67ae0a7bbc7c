"""The threads of a manager share few heaps, so that what it holds does not grow with them."""

import subprocess
import sys
from pathlib import Path

from anypool.heaps import HEAPS

COUNT = """
import ctypes, sys, threading
from anypool import heaps
shared = heaps.share()
libc = ctypes.CDLL(None)
start = threading.Barrier(12)

def work():
    start.wait()
    held = [bytearray(2000) for _ in range(200)]
    start.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
for one in threads:
    one.start()
for one in threads:
    one.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(shared)
"""


def test_many_threads_share_few_heaps(tmp_path: Path) -> None:
    said = tmp_path / "heaps.xml"
    command = [sys.executable, "-c", COUNT, str(said)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "True"
    assert said.read_text().count("<heap nr=") <= HEAPS
