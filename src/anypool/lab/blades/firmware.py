"""What a blade's firmware does before a system runs: where an iPXE of its own is told to go.

What PXE says is done by the cards' own firmware. For an address that a controller was given, of
HTTP or of an iSCSI target, the blade starts iPXE with a script of a few lines.
"""

from anypool.lab.blades.board import Board
from anypool.lab.blades.hardware import Card, Hardware

_TRY = "ifopen net{0} && ifconf -c dhcp net{0}"
_LETTERS = {"Hdd": "c", "Cd": "d", "Pxe": "n"}


def boot_order(hardware: Hardware) -> str:
    """Return QEMU's letters of what is tried in turn: c disk, d medium, n network."""
    first = "nc" if hardware.bios["BootOrder"] == "Network,Hdd" else "cn"
    letter = "" if hardware.boot.enabled == "Disabled" else _LETTERS.get(hardware.boot.target, "")
    return letter + first.replace(letter, "") if letter else first


def boots_by_pxe(hardware: Hardware, card: Card) -> bool:
    """Whether a card's own firmware is there to boot from the network."""
    if script(hardware):
        return False
    return hardware.bios[f"NicBoot{card.number}"] == "NetworkBoot" and card.boot_mode == "PXE"


def script(hardware: Hardware) -> str:
    """Return the script that iPXE is started with; empty where it is not."""
    boot = hardware.boot
    if boot.enabled != "Disabled" and boot.target == "UefiHttp":
        tries = [f"{_TRY.format(number)} && goto found ||" for number in (0, 1)]
        return _lines(*tries, "exit", ":found", f"chain {boot.http_uri}")
    card = next((one for one in hardware.cards if _boots_from_target(hardware, one)), None)
    if card is None or not boot_order(hardware).startswith("n"):
        return ""
    return _lines(*_initiator(card), f"sanboot {_target(card)}")


def write(board: Board, hardware: Hardware) -> None:
    """Write the script for a start that needs one."""
    board.script.write_text(script(hardware))


def _boots_from_target(hardware: Hardware, card: Card) -> bool:
    enabled = hardware.bios[f"NicBoot{card.number}"] == "NetworkBoot"
    return enabled and card.boot_mode == "iSCSI" and "PrimaryTargetName" in card.iscsi


def _initiator(card: Card) -> list[str]:
    port, said = f"net{card.number - 1}", card.iscsi
    lines = []
    if "InitiatorIPAddress" in said:
        lines.append(f"ifopen {port}")
        lines.append(f"set {port}/ip {said['InitiatorIPAddress']}")
        lines.append(f"set {port}/netmask {said.get('InitiatorNetmask', '255.255.255.0')}")
        if "InitiatorDefaultGateway" in said:
            lines.append(f"set {port}/gateway {said['InitiatorDefaultGateway']}")
    else:
        lines.append(f"{_TRY.format(card.number - 1)} || exit")
    if "InitiatorName" in said:
        lines.append(f"set initiator-iqn {said['InitiatorName']}")
    if said.get("AuthenticationMethod", "None") != "None":
        lines.append(f"set username {said.get('CHAPUsername', '')}")
        lines.append(f"set password {said.get('CHAPSecret', '')}")
    return lines


def _target(card: Card) -> str:
    said = card.iscsi
    port, lun = said.get("PrimaryTargetTCPPort", 3260), said.get("PrimaryLUN", 0)
    address = said.get("PrimaryTargetIPAddress", "")
    return f"iscsi:{address}::{port}:{lun:x}:{said['PrimaryTargetName']}"


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in ("#!ipxe", *lines))
