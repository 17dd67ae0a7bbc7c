"""Asks a speaker, and ends it when it does not answer in time."""

import json
import queue
import subprocess
import sys
import threading
import time
from typing import Any

from anypool.errors import AnypoolError, Denied, OutcomeUnknown, Rejected, Unreachable

_LOOK = "look at the BMC's own page; is IPMI over LAN switched on there?"
_LONGEST = 4 << 20


class Child:
    """The speaker of one BMC, started when it is needed; for one caller at a time.

    The password goes through its input, never into its arguments.
    """

    def __init__(self, name: str, order: dict[str, Any]) -> None:
        self.name = name
        self._order = order
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def ask(self, do: str, limit_s: float, **more: Any) -> Any:
        """Return what the BMC answers within so many seconds.

        Raises `Denied`, `Unreachable` and `Rejected`; `OutcomeUnknown` for a deed that got no
        answer, since it may have been done.
        """
        deed = do in ("switch", "set boot")
        until = time.monotonic() + limit_s
        try:
            process = self._running()
            assert process.stdin is not None
            process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=max(0.0, until - time.monotonic()))
        except (OSError, queue.Empty) as error:
            self.end()
            raise self._silent(deed, f"gave no answer within {limit_s:g} s") from error
        if not line:
            self.end()
            raise self._silent(deed, "ended the conversation")
        answer = json.loads(line)
        if "error" in answer:
            raise self._error(deed, str(answer["error"]), str(answer["said"])[:160])
        return answer["ok"]

    def end(self) -> None:
        """End the speaker; harmless when there is none."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            command = [sys.executable, "-P", "-m", "anypool.drivers.ipmi.speaker"]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert process.stdin is not None
            process.stdin.write(json.dumps(self._order) + "\n")
            self._process, self._answers = process, queue.Queue()
            threading.Thread(
                target=_read, args=(process, self._answers), name="ipmi", daemon=True
            ).start()
        return self._process

    def _silent(self, deed: bool, why: str) -> AnypoolError:
        kind = OutcomeUnknown if deed else Unreachable
        return kind(f"{self.name} {why}", hint=_LOOK)

    def _error(self, deed: bool, kind: str, said: str) -> AnypoolError:
        clean = "".join(char for char in said if char.isprintable())
        if kind == "login":
            hint = "check user and password, and that the user may use IPMI over LAN"
            return Denied(f"{self.name} does not let {self._order['user'][:40]} in", hint=hint)
        if kind == "silent":
            return self._silent(deed, f"does not answer: {clean}")
        return Rejected(f"{self.name} refused: {clean}")


def _read(process: "subprocess.Popen[str]", answers: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    try:
        while line := process.stdout.readline(_LONGEST):
            answers.put(line)
    except (OSError, ValueError):
        pass
    answers.put("")
