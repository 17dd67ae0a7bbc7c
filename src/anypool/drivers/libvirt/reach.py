"""Whether a host comes through to its neighbour: asked by the ssh that its endpoint comes by.

libvirt itself has no such question. A host that is reached by `qemu+ssh` has a shell, though,
and its bash opens a connection without any other program.
"""

import ipaddress
import subprocess
from urllib.parse import parse_qs, urlsplit

from anypool.drivers.libvirt.part import Part
from anypool.errors import Unreachable
from anypool.model import HostId, Reach

PATIENCE_S = 2
_DEADLINE_S = 8.0
_TIMED_OUT, _SSH_FAILED, _NO_SUCH = 124, 255, 127
_SAYS_NO = "connection refused"


class Reaches(Part):
    """The one question that libvirt does not answer."""

    def reaches(self, host: HostId, address: str, port: int) -> Reach:
        """Open a connection from there; only a literal address is ever put into a command."""
        try:
            literal = ipaddress.ip_address(address)
        except ValueError:
            return Reach.UNKNOWN
        if host != self.platform.host or not 0 < port < 1 << 16:
            return Reach.UNKNOWN
        done = there(self, [_question(str(literal), port)], within_s=_DEADLINE_S)
        return told(done.returncode, done.stderr)


def there(
    part: Part, words: list[str], *, within_s: float, script: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command on the host of an endpoint; raise `Unreachable` if ssh does not end in time.

    How it ended is the caller's to judge: 255 may be ssh's word as well as the command's.
    """
    try:
        return subprocess.run(
            [*ssh(part.session.place), *words],
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"ssh to {part.platform.name}: {error}") from error


def ssh(uri: str) -> list[str]:
    """Return the ssh command by which an endpoint is reached, without what it is to do there."""
    place, found = urlsplit(uri), parse_qs(urlsplit(uri).query)
    option = {name: values[-1] for name, values in found.items()}
    command = [option.get("command", "ssh"), "-T", "-o", "BatchMode=yes"]
    command += ["-o", f"ConnectTimeout={PATIENCE_S}"]
    if option.get("no_verify") == "1":
        command += ["-o", "StrictHostKeyChecking=no"]
    if "keyfile" in option:
        command += ["-i", option["keyfile"]]
    if place.port:
        command += ["-p", str(place.port)]
    if place.username:
        command += ["-l", place.username]
    return [*command, "--", place.hostname or ""]


def _question(address: str, port: int) -> str:
    """Return the command that ends with 0 if somebody takes the connection."""
    return f"LC_ALL=C timeout {PATIENCE_S} bash -c ': </dev/tcp/{address}/{port}'"


def told(code: int, errors: str) -> Reach:
    """Return what the question came to; what is not understood says nothing."""
    if code == 0:
        return Reach.ANSWERS
    if code in (_SSH_FAILED, _NO_SUCH):
        return Reach.UNKNOWN
    if _SAYS_NO in errors.lower():
        return Reach.ANSWERS
    silent = code == _TIMED_OUT or "no route" in errors.lower() or "unreachable" in errors.lower()
    return Reach.SILENT if silent else Reach.UNKNOWN
