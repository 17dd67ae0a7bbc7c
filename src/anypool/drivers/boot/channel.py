"""Asking a boot host's program: one line of JSON to its socket, here or through ssh."""

import json
import socket
import subprocess
from typing import Any
from urllib.parse import unquote, urlsplit

from anypool.errors import (
    AnypoolError,
    Busy,
    Denied,
    Invalid,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)

PROGRAM = "/usr/local/sbin/anypool-boothost"
HINT = "write boot+ssh://root@HOST, or boot+unix:///var/lib/anypool-boot/control"
SSH_S = 10
_SSH_FAILED = 255
_LONGEST = 16 << 20
_ERRORS: dict[str, type[AnypoolError]] = {
    "rejected": Rejected,
    "invalid": Invalid,
    "not-found": NotFound,
    "missing": NotSupported,
    "silent": Rejected,
    "busy": Busy,
}


class Channel:
    """How one boot host is asked; `name` is what people know it by."""

    def __init__(self, uri: str) -> None:
        """Take an address apart; raise `Invalid`. Nothing is sent."""
        self.name = uri
        try:
            place = urlsplit(uri)
            port = place.port
        except ValueError as error:
            raise Invalid(f"{error}", hint=HINT) from error
        self.socket = unquote(place.path) if place.scheme == "boot+unix" else ""
        if place.scheme == "boot+unix":
            good = not place.netloc and self.socket.startswith("/")
        else:
            good = bool(place.hostname) and place.path in ("", "/") and place.password is None
        words = (place.username or "", place.hostname or "")
        if not good or any(word.startswith("-") for word in words):
            raise Invalid("that is no address of a boot host", hint=HINT)
        who = f"{unquote(place.username)}@" if place.username else ""
        self._ssh = ["-p", str(port)] if port else []
        self._ssh += ["--", f"{who}{place.hostname}", PROGRAM, "ask"]

    @property
    def argv(self) -> list[str]:
        """Return the command that asks through ssh, which never stops to ask a question."""
        return ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={SSH_S}", *self._ssh]

    def ask(self, word: str, wait_s: float, *, deed: bool = False, **more: Any) -> Any:
        """Return what a boot host answers; with `deed` a lost answer is `OutcomeUnknown`.

        Raises `Unreachable` where nothing was sent, and what the boot host refuses.
        """
        line = json.dumps({"ask": word, **more}).encode() + b"\n"
        body = (
            self._by_socket(line, wait_s, deed) if self.socket else self._by_ssh(line, wait_s, deed)
        )
        try:
            answer = json.loads(body)
            if "result" in answer:
                return answer["result"]
            error = answer["error"]
            kind = _ERRORS.get(error["kind"], Rejected)
            message = f"{self.name}: {error['message']}"
        except (ValueError, TypeError, KeyError) as problem:
            raise self._lost(f"{self.name} sends what is no answer", deed) from problem
        raise kind(message, hint=str(error.get("hint", "")))

    def _by_socket(self, line: bytes, wait_s: float, deed: bool) -> bytes:
        sent = False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
                channel.settimeout(wait_s)
                channel.connect(self.socket)
                sent = True
                channel.sendall(line)
                with channel.makefile("rb") as answer:
                    return answer.readline(_LONGEST)
        except PermissionError as error:
            hint = "its owner may: run the manager as root, or go by boot+ssh://"
            raise Denied(f"{self.name} may not be asked", hint=hint) from error
        except OSError as error:
            why = f"{self.name} does not answer: {error.strerror or error}"
            raise self._lost(why, deed and sent) from error

    def _by_ssh(self, line: bytes, wait_s: float, deed: bool) -> bytes:
        try:
            done = subprocess.run(
                self.argv, input=line, capture_output=True, timeout=wait_s, check=False
            )
        except FileNotFoundError as error:
            raise NotSupported("there is no ssh here", hint="install openssh-client") from error
        except subprocess.TimeoutExpired as error:
            raise self._lost(f"{self.name} does not answer", deed) from error
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = f"{self.name}: {said[-1][:200] if said else 'ssh ended'}"
        if done.returncode == _SSH_FAILED and b"Permission denied" in done.stderr:
            raise Denied(why, hint="put the manager's key into authorized_keys there")
        raise self._lost(why, deed)

    def _lost(self, why: str, deed: bool) -> AnypoolError:
        if deed:
            return OutcomeUnknown(why)
        return Unreachable(why, hint="does anypool-boothost run there?")
