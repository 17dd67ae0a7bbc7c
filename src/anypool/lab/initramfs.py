"""The guest's initramfs: a cpio archive written without cpio, so that no root is needed."""

from pathlib import Path, PurePosixPath

_APPLETS = (
    "sh", "cat", "dd", "echo", "grep", "head", "insmod", "ip", "kill", "ls", "mkdir", "mkfifo",
    "mount", "nc", "poweroff", "printf", "ps", "reboot", "setsid", "sleep", "sync", "udhcpc",
)  # fmt: skip
_FOLDERS = ("bin", "dev", "proc", "sys", "run", "modules")
_FOLDER, _FILE, _LINK, _DEVICE = 0o040755, 0o100755, 0o120777, 0o020600
_BLOCK = 4


class Archive:
    """A cpio archive in the "newc" format the kernel unpacks; entries in the order given."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def folder(self, name: str) -> None:
        """Add an empty folder."""
        self._add(name, _FOLDER, b"")

    def file(self, name: str, content: bytes) -> None:
        """Add an executable file."""
        self._add(name, _FILE, content)

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(name, _LINK, target.encode())

    def device(self, name: str, major: int, minor: int) -> None:
        """Add a character device."""
        self._add(name, _DEVICE, b"", (major, minor))

    def finish(self) -> bytes:
        """The whole archive, closed."""
        self._add("TRAILER!!!", 0, b"")
        return b"".join(self._parts)

    def _add(self, name: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        self._count += 1
        path = name.encode() + b"\0"
        fields = (
            self._count, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0,
        )  # fmt: skip
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self._parts += [_padded(header + path), _padded(content)]


def build(busybox: bytes, scripts: dict[str, bytes], modules: dict[str, bytes]) -> bytes:
    """An initramfs of busybox, `scripts` (path to text) and `modules` (in loading order)."""
    archive = Archive()
    above = {str(one) for path in scripts for one in PurePosixPath(path).parents} - {"."}
    for folder in sorted(above | set(_FOLDERS)):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", busybox)
    for applet in _APPLETS:
        archive.link(f"bin/{applet}", "busybox")
    for path, text in scripts.items():
        archive.file(path, text)
    for name, content in modules.items():
        archive.file(f"modules/{name}", content)
    archive.file("modules/order", "".join(f"{name}\n" for name in modules).encode())
    return archive.finish()


def guest_scripts() -> dict[str, bytes]:
    """The guest's own scripts, by their path in the initramfs."""
    here = Path(__file__).parent
    return {
        "init": (here / "guest_init.sh").read_bytes(),
        "bin/answer": (here / "guest_answer.sh").read_bytes(),
        "bin/dirty": (here / "guest_dirty.sh").read_bytes(),
    }


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _BLOCK)
