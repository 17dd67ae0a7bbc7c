"""The command line of a blade's QEMU: a pure function of its hardware."""

from pathlib import Path

from anypool.lab.blades import firmware
from anypool.lab.blades.board import Board
from anypool.lab.blades.hardware import Hardware
from anypool.lab.spec import Server

QEMU = "qemu-system-x86_64"
WATCHDOG = "i6300esb"
MAKER, MODEL = "anypool lab", "Blade"
TAPS = ("tap1", "tap2")


def serial_number(server: Server) -> str:
    """Return what stands on the blade's label."""
    return f"LAB{server.number:04d}"


def argv(
    server: Server, hardware: Hardware, board: Board, accelerator: str, log: Path
) -> list[str]:
    """Return the command line that starts a blade; its working folder is the blade's own.

    Each reset of the machine ends QEMU, so that the next start has the settings made since.
    """
    return [
        QEMU, "-name", server.name, "-uuid", server.uuid, "-nodefaults", "-no-user-config",
        "-machine", f"q35,graphics={'off' if hardware.bios['SerialConsole'] else 'on'}",
        "-accel", accelerator, "-cpu", "max" if accelerator == "tcg" else "host",
        "-smp", f"{hardware.bios['ProcCores']},sockets=1",
        "-m", str(hardware.memory_mib),
        "-smbios", f"type=1,manufacturer={MAKER},product={MODEL},serial={serial_number(server)}",
        "-display", "none", "-vga", "none",
        "-action", "reboot=shutdown,watchdog=reset,panic=none",
        "-qmp", f"unix:{board.monitor.name},server=on,wait=off",
        "-qmp", f"unix:{board.events.name},server=on,wait=off",
        *_console(board, log),
        *_watchdog(hardware),
        *_disk(board),
        *_media(hardware),
        *_network(hardware),
        *_boot(hardware, board),
    ]  # fmt: skip


def _console(board: Board, log: Path) -> list[str]:
    return [
        "-chardev",
        f"socket,id=console,path={board.console.name},server=on,wait=off,"
        f"logfile={log},logappend=on",
        "-device", "isa-serial,chardev=console",
        "-device", "pvpanic",
    ]  # fmt: skip


def _watchdog(hardware: Hardware) -> list[str]:
    return ["-device", WATCHDOG] if hardware.bios["Watchdog"] == "Enabled" else []


def _disk(board: Board) -> list[str]:
    return [
        "-drive", f"if=none,id=disk,file={board.disk.name},format=qcow2",
        "-device", "virtio-blk-pci,drive=disk,serial=DISK0",
    ]  # fmt: skip


def _media(hardware: Hardware) -> list[str]:
    words = []
    for name, medium in sorted(hardware.media.items()):
        drive = f"if=none,id=medium-{name},file={medium.file},format=raw,readonly="
        if name == "Cd":
            words += ["-drive", f"{drive}on,media=cdrom"]
            words += ["-device", f"ide-cd,drive=medium-{name}"]
        else:
            words += ["-drive", f"{drive}{'on' if medium.read_only else 'off'}"]
            words += ["-device", "qemu-xhci", "-device", f"usb-storage,drive=medium-{name}"]
    return words


def _network(hardware: Hardware) -> list[str]:
    words = []
    for card, tap in zip(hardware.cards, TAPS, strict=True):
        name = f"card{card.number}"
        words += ["-netdev", f"tap,id={name},ifname={tap},script=no,downscript=no"]
        rom = "" if firmware.boots_by_pxe(hardware, card) else ",romfile="
        words += ["-device", f"virtio-net-pci,netdev={name},mac={card.mac}{rom}"]
    return words


def _boot(hardware: Hardware, board: Board) -> list[str]:
    words = ["-boot", f"order={firmware.boot_order(hardware)},reboot-timeout=5000"]
    if firmware.script(hardware):
        words += ["-kernel", str(board.loader), "-initrd", board.script.name]
    return words
