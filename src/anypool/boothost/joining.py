"""What a server that is to be a hypervisor is given at its start: who it is, and who may log in.

It is in no image. The host key is made here, new with each epoch of a profile, and its public
half is told to the manager, which takes the server for nobody else.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterator

from anypool.boothost.values import Entry, Refused

WORD = "{join}"
"""What stands in the command line of an image for the address of this."""
KEYGEN_S = 20
OPEN_S = 3600.0
"""So long after its start a server may ask who it is; one that is emulated takes some."""
DONE = "good\n"
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


def host_key() -> tuple[str, str]:
    """Return a new host key of SSH, its private and its public half; raise `Refused`."""
    with tempfile.TemporaryDirectory(prefix="anypool-key-") as folder:
        file = f"{folder}/key"
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]
        try:
            subprocess.run(words, check=True, capture_output=True, timeout=KEYGEN_S)
        except FileNotFoundError as problem:
            hint = "apt-get install openssh-client"
            raise Refused("there is no ssh-keygen here", hint, "missing") from problem
        except subprocess.SubprocessError as problem:
            raise Refused(f"no host key could be made: {problem}") from problem
        with open(file, encoding="ascii") as private, open(f"{file}.pub", encoding="ascii") as pub:
            return private.read(), " ".join(pub.read().split()[:2])


def with_address(script: str, address: str) -> str:
    """Return a boot script with the address where its server asks who it is, "" for nowhere."""
    return script.replace(WORD, address)


def bundle(entry: Entry, key: tuple[str, str]) -> str:
    """Return what a server is told: a line for each fact and each file, read by a small script."""
    return "".join(f"{line}\n" for line in _lines(entry, key))


def _lines(entry: Entry, key: tuple[str, str]) -> Iterator[str]:
    yield "anypool-join 1"
    yield f"name {entry.name}"
    yield f"ip {entry.ip}"
    yield _file("/etc/hostname", "644", entry.name)
    yield _file(_HOST_KEY, "600", key[0])
    yield _file(f"{_HOST_KEY}.pub", "644", key[1])
    yield _file("/root/.ssh/authorized_keys", "600", "\n".join(entry.keys))
    yield "end"


def _file(path: str, mode: str, text: str) -> str:
    content = text.rstrip("\n") + "\n"
    return f"file {mode} {path} {base64.b64encode(content.encode()).decode()}"


def token() -> str:
    """Return what opens this for one start of a server."""
    return os.urandom(16).hex()
