"""A manager as a child of this process: started on an open socket, watched, and ended."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from msgspec.structs import replace

from anypool.cli.connection import transport
from anypool.cli.contexts import Context
from anypool.cli.serve import command, environment, open_socket
from anypool.errors import AnypoolError, Unreachable
from anypool.settings import Settings

_READY_S = 60.0
_LOOK_S = 0.05
_END_S = 20.0
_LOG_LINES = 8
_ENDS_WITH_US = "--leashed"
"""Also when this process is killed and can end nobody: its end of the pipe closes then."""


class Manager:
    """A running manager; `settings` bear the port it really listens on."""

    def __init__(self, process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
        self._process = process
        self.settings = settings
        self.log = log
        self.url = f"http://{settings.listen_host}:{settings.listen_port}"

    @property
    def pid(self) -> int:
        """Its process, which leads a process group of its own."""
        return self._process.pid

    def wait(self) -> int:
        """Return its exit code once it ended."""
        return self._process.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()
        self._let_go()

    def end(self) -> None:
        """Ask it to stop, and kill it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def await_ready(self) -> None:
        """Return when it answers; raise `AnypoolError` with its last words when it does not."""
        deadline = time.monotonic() + _READY_S
        with httpx.Client(transport=transport(Context(url=self.url)), timeout=2) as http:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    message = f"the manager ended: {self._last_words()}"
                    raise AnypoolError(message, hint=str(self.log))
                try:
                    if http.get(f"{self.url}/api/v1/health").is_success:
                        return
                except httpx.TransportError:
                    time.sleep(_LOOK_S)
        raise Unreachable(f"the manager did not answer in {_READY_S:g} s", hint=str(self.log))

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-_LOG_LINES:])


def _private(path: str, flags: int) -> int:
    """Open a file for its owner only: the log of a first start holds a login link."""
    return os.open(path, flags, 0o600)


@contextmanager
def manager(chosen: Settings, before: Sequence[str] = ()) -> Iterator[Manager]:
    """Yield a manager that answers, and end it.

    `before` is the start of its command line, to run it in another network.
    """
    folder = Path(chosen.state_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "manager.log"
    with open_socket(chosen) as sock, open(log, "wb", opener=_private) as output:
        chosen = replace(chosen, listen_port=int(sock.getsockname()[1]))
        process = subprocess.Popen(
            [*before, *command(sock.fileno(), chosen), _ENDS_WITH_US],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=[sock.fileno()],
            start_new_session=True,
            env=environment(chosen),
        )
    running = Manager(process, chosen, log)
    try:
        running.await_ready()
        yield running
    finally:
        running.end()
