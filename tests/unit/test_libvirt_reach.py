"""A host that is reached by ssh is asked for its neighbours, and nothing else is ever run there."""

import pytest

pytest.importorskip("libvirt")

from anypool.drivers.libvirt.reach import ssh, told
from anypool.model import Reach


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        ("qemu+ssh://h1/system", "ssh -T -o BatchMode=yes -o ConnectTimeout=2 -- h1"),
        (
            "qemu+ssh://root@h1:2222/system?keyfile=/k&no_verify=1",
            "ssh -T -o BatchMode=yes -o ConnectTimeout=2 -o StrictHostKeyChecking=no"
            " -i /k -p 2222 -l root -- h1",
        ),
    ],
)
def test_host_is_asked_by_the_ssh_of_its_endpoint(uri: str, command: str) -> None:
    assert ssh(uri) == command.split()


@pytest.mark.parametrize(
    ("code", "errors", "reach"),
    [
        (0, "", Reach.ANSWERS),
        (1, "bash: connect: Connection refused", Reach.ANSWERS),
        (124, "", Reach.SILENT),
        (1, "bash: connect: No route to host", Reach.SILENT),
        (1, "bash: connect: Network is unreachable", Reach.SILENT),
        (255, "ssh: connect to host h1 port 22: Connection refused", Reach.UNKNOWN),
        (127, "bash: timeout: command not found", Reach.UNKNOWN),
        (1, "something else", Reach.UNKNOWN),
    ],
)
def test_what_is_not_understood_says_nothing(code: int, errors: str, reach: Reach) -> None:
    """That ssh itself is refused says nothing of the neighbour."""
    assert told(code, errors) is reach
