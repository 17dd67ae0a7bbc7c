"""Making the image of a hypervisor of Debian's packages: a disk, a kernel, and what it begins with.

`mmdebstrap` unpacks and configures them, from where this machine gets its own packages, and
`mke2fs` writes the file system; nothing is installed here. What is a server's own is not in it:
host keys of SSH, machine id, host name. `join.sh` brings it at each start.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from anypool.errors import AnypoolError, Invalid, NotSupported

LABEL = "hypervisor"
CMDLINE = (
    f"root=LABEL={LABEL} rw ip=dhcp console=tty0 console=ttyS0 anypool.join={{join}} "
    "ISCSI_INITIATOR={initiator} ISCSI_TARGET_NAME={target} ISCSI_TARGET_IP={address} "
    "ISCSI_TARGET_PORT={port} ISCSI_USERNAME={user} ISCSI_PASSWORD={password}"
)
"""What its kernel is told; a boot host fills in what is in braces."""
PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "iproute2", "busybox", "curl", "ca-certificates"),
    *("linux-image-amd64", "initramfs-tools", "zstd", "open-iscsi", "e2fsprogs"),
    *("libvirt-daemon-system", "libvirt-daemon-driver-qemu", "libvirt-clients"),
    *("qemu-system-x86", "qemu-utils", "openssh-server"),
)
PARTS = ("disk.raw", "kernel", "initrd")
LEAST_GIB = 2
_BUILD_S = 3600
_NEEDED = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"}
_SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
_FILES = {
    "/etc/fstab": f"LABEL={LABEL} / ext4 defaults 0 1\n",
    "/etc/iscsi/iscsi.initramfs": "",
    "/etc/systemd/system/ssh.service.d/anypool.conf": (
        "# whoever comes by SSH finds libvirt there\n"
        "[Unit]\nAfter=libvirtd.service anypool-join.service\nWants=libvirtd.service\n"
    ),
    "/etc/ssh/sshd_config.d/anypool.conf": (
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key\n"
        "AuthorizedKeysFile .ssh/authorized_keys /run/anypool/guests\n"
    ),
    "/etc/libvirt/storage/local.xml": (
        "<pool type='dir'><name>local</name>"
        "<target><path>/var/lib/libvirt/images</path></target></pool>\n"
    ),
}
_LINKS = {
    "/etc/libvirt/storage/autostart/local.xml": "../local.xml",
    "/etc/systemd/system/multi-user.target.wants/anypool-join.service": "../anypool-join.service",
    "/etc/systemd/system/ssh.service.requires/anypool-join.service": "../anypool-join.service",
}
_NOT_ITS_OWN = ("etc/ssh/ssh_host_*", "etc/machine-id", "var/lib/dbus/machine-id", "etc/hostname")


def build(
    into: Path,
    report: Callable[[str], None],
    *,
    size_gib: int = 4,
    also: tuple[str, ...] = (),
    customize: Path | None = None,
) -> None:
    """Write `disk.raw`, `kernel` and `initrd` into a folder.

    `also` are more packages. `customize` is a program that is run with the folder of the root
    file system as its argument, before that becomes a disk. Raises `NotSupported` where a
    program is missing, `Invalid`, and `AnypoolError` with what a program said.
    """
    _check(size_gib, customize)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=into) as place:
        root = Path(place) / "root"
        report("downloading and configuring Debian's packages (some minutes)")
        _run(["mmdebstrap", *_words(also), _suite(), str(root), *_sources()])
        report("writing what makes it a host of a pool")
        _fill(root)
        if customize is not None:
            _run([str(customize.resolve()), str(root)])
        _initrd(root)
        report("writing the disk")
        for name in PARTS:
            (into / name).unlink(missing_ok=True)
        _newest(root, "vmlinuz-*", into / "kernel")
        _newest(root, "initrd.img-*", into / "initrd")
        words = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", LABEL, "-d", str(root)]
        _run([*words, str(into / "disk.raw"), f"{size_gib}G"])


def _check(size_gib: int, customize: Path | None) -> None:
    if os.geteuid() != 0:
        raise NotSupported("an image is built as root", hint="its files are root's")
    for program, package in _NEEDED.items():
        if shutil.which(program, path=_SYSTEM) is None:
            raise NotSupported(f"there is no {program}", hint=f"apt-get install {package}")
    if size_gib < LEAST_GIB:
        raise Invalid(f"{size_gib} GiB are too few", hint=f"{LEAST_GIB} at least")
    if customize is not None and not os.access(customize, os.X_OK):
        raise Invalid(f"{customize} is no program", hint="chmod +x")


def _words(also: tuple[str, ...]) -> list[str]:
    return [
        "--variant=minbase",
        "--mode=root",
        f"--include={','.join((*PACKAGES, *also))}",
        "--aptopt=Apt::Install-Recommends false",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    ]


def _suite() -> str:
    """Return the release of Debian that this machine is, which its sources are of."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise NotSupported("this machine does not say which Debian it is", hint="build it on Debian")


def _sources() -> Iterator[str]:
    """Yield the files that say where this machine's packages come from."""
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for one in places:
        if one.is_file() and one.suffix in (".list", ".sources") and one.stat().st_size:
            yield str(one)


def _fill(root: Path) -> None:
    here = files("anypool.hypervisor")
    known = {
        "/usr/local/sbin/anypool-join": (here / "join.sh").read_text(),
        "/etc/systemd/system/anypool-join.service": (here / "join.service").read_text(),
    }
    for path, text in (_FILES | known).items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "usr/local/sbin/anypool-join").chmod(0o755)
    for path, target in _LINKS.items():
        link = root / path[1:]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for pattern in _NOT_ITS_OWN:
        for one in root.glob(pattern):
            one.unlink()
    (root / "etc/machine-id").touch()


def _initrd(root: Path) -> None:
    """Make what the kernel begins with anew: it has to know of iSCSI."""
    _run(["chroot", str(root), "env", f"PATH={_SYSTEM}", "update-initramfs", "-u", "-k", "all"])


def _newest(root: Path, pattern: str, into: Path) -> None:
    found = sorted((root / "boot").glob(pattern), key=lambda one: one.stat().st_mtime)
    if not found:
        raise AnypoolError(f"no {pattern} was made", hint="is linux-image-amd64 to be had?")
    shutil.copyfile(found[-1], into)


def _run(words: list[str]) -> None:
    environment = os.environ | {"PATH": _SYSTEM, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_BUILD_S, check=False, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise AnypoolError(f"{words[0]} does not end") from problem
    if done.returncode:
        said = "; ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise AnypoolError(f"{words[0]}: {said[:600]}")
