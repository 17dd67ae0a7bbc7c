"""How a server of a lab begins: its first process, in namespaces of its own."""

import os
import socket
import sys

from anypool.lab import kernel

_NAMESPACES = kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWPID


def become(name: str) -> None:
    """Go on as the first process of the server called `name`; whoever called this ends.

    Writes that process's id and waits for one line, so that the links are plugged in and the
    namespace is on record before anything else runs there.
    """
    kernel.unshare(_NAMESPACES)
    child = os.fork()
    if child:
        print(child, flush=True)
        os._exit(0)
    os.setsid()
    if not sys.stdin.readline():
        os._exit(1)
    socket.sethostname(name)
