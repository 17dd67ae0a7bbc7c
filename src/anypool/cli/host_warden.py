"""`anypool host install-warden`, `uninstall-warden`: storage leases and watchdog of a host."""

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.terminal import clean, note
from anypool.errors import AnypoolError, Invalid, Unreachable
from anypool.program import packed

PROGRAM = "/usr/local/sbin/anypool-warden"
_PATIENCE_S = 300.0

Ssh = Annotated[str, Parameter(help="where to log in as root, such as root@h1 or an alias of ssh")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the warden promises."""

    folder: Annotated[
        list[str], Parameter(help="folder of a marked datastore on that host; may be repeated")
    ]
    limit_s: Annotated[
        float, Parameter(help="seconds without a renewal after which the host ends its VMs")
    ] = 20.0
    renew_s: Annotated[float, Parameter(help="seconds from one renewal to the next")] = 2.0
    watchdog: Annotated[str, Parameter(help='device that resets the host; "" for none')] = (
        "/dev/watchdog"
    )
    watchdog_s: Annotated[int, Parameter(help="seconds without food after which it resets")] = 10

    def words(self) -> list[str]:
        """Return them as the warden's own command line has them."""
        words = [f"--limit-s={self.limit_s:g}", f"--renew-s={self.renew_s:g}"]
        words += [f"--watchdog={self.watchdog}", f"--watchdog-s={self.watchdog_s}"]
        return words + [f"--folder={one}" for one in self.folder]


def install_warden(name: str, /, *, ssh: Ssh, terms: Terms, where: Where = HERE) -> int:
    """Put the warden on a host: it renews the host's storage leases and feeds its watchdog.

    libvirt's daemon is started again, so that it asks the warden before it starts a VM; VMs run
    on meanwhile. What is said at the end was read back on the host.
    """
    with connected(where) as client:
        host = client.get(f"/hosts/{key(name)}")
    write = f"umask 022 && cat > {PROGRAM}.new && chmod 755 {PROGRAM}.new"
    remote(ssh, f"{write} && mv {PROGRAM}.new {PROGRAM}", packed("anypool.warden"))
    words = [PROGRAM, "install", f"--host={host['id']}", *terms.words()]
    code = remote(ssh, shlex.join(words))
    if not code:
        note(f"{clean(host['name'])} holds its leases")
    return code


def uninstall_warden(*, ssh: Ssh) -> int:
    """Take the warden off a host, and its leases off the datastores; refused while VMs run."""
    return remote(ssh, shlex.join([PROGRAM, "uninstall"]))


def warden_program(file: str, /) -> None:
    """Write the warden's program to a file, - for standard output, to install it by other means."""
    if file == "-":
        sys.stdout.buffer.write(packed("anypool.warden"))
        return
    try:
        Path(file).write_bytes(packed("anypool.warden"))
    except OSError as error:
        raise Invalid(f"{file} cannot be written: {error.strerror}") from error


def remote(place: str, command: str, given: bytes = b"") -> int:
    """Run a command of a shell on a host, its words shown here; raise if it cannot be asked."""
    if not place or place.startswith("-"):
        raise Invalid(f"{place!r} is no place to log in to", hint="such as root@h1")
    try:
        done = subprocess.run(
            ["ssh", "-o", "ConnectTimeout=10", "--", place, command],
            input=given,
            timeout=_PATIENCE_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise AnypoolError("there is no ssh here", hint="install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{place} does not end within {_PATIENCE_S:g} s") from error
    if done.returncode == 255:
        raise Unreachable(f"ssh does not reach {place}", hint=f"try `ssh {place} true`")
    if given and done.returncode:
        raise AnypoolError(f"the program could not be written on {place}", hint="log in as root")
    return done.returncode
