"""What a blade's Redfish service says of its network cards: values only.

One adapter with one port and one function for each card. A function's addresses can be written;
those it was made with stay beside them.
"""

from anypool.lab.blades.command import MAKER, serial_number
from anypool.lab.blades.hardware import ISCSI, Card, Hardware
from anypool.lab.blades.resources import Resource, chassis_path, link, resource, system_path
from anypool.lab.spec import Server

ADAPTER = "CNA1"
_OK = {"State": "Enabled", "Health": "OK"}


def adapters_path(server: Server) -> str:
    """Return the path of the adapters."""
    return f"{chassis_path(server)}/NetworkAdapters"


def adapter_path(server: Server) -> str:
    """Return the path of the one adapter."""
    return f"{adapters_path(server)}/{ADAPTER}"


def function_path(server: Server, card: Card) -> str:
    """Return the path of a card as a function."""
    return f"{adapter_path(server)}/NetworkDeviceFunctions/{card.number}"


def port_path(server: Server, card: Card) -> str:
    """Return the path of a card's port."""
    return f"{adapter_path(server)}/Ports/{card.number}"


def adapter(server: Server, hardware: Hardware) -> Resource:
    """Return the adapter."""
    path = adapter_path(server)
    count = len(hardware.cards)
    return resource(
        path,
        "NetworkAdapter.v1_10_0.NetworkAdapter",
        "Converged network adapter",
        Manufacturer=MAKER,
        Model="virtio",
        SerialNumber=f"{serial_number(server)}-{ADAPTER}",
        Status=_OK,
        Ports=link(f"{path}/Ports"),
        NetworkDeviceFunctions=link(f"{path}/NetworkDeviceFunctions"),
        Controllers=[
            {
                "FirmwarePackageVersion": "1.0.0",
                "ControllerCapabilities": {
                    "NetworkPortCount": count,
                    "NetworkDeviceFunctionCount": count,
                },
                "Links": {
                    "Ports": [link(port_path(server, card)) for card in hardware.cards],
                    "NetworkDeviceFunctions": [
                        link(function_path(server, card)) for card in hardware.cards
                    ],
                },
            }
        ],
    )


def port(server: Server, card: Card, *, on: bool) -> Resource:
    """Return a port."""
    return resource(
        port_path(server, card),
        "Port.v1_11_0.Port",
        f"Port {card.number}",
        PortId=str(card.number),
        PortProtocol="Ethernet",
        PortType="BidirectionalPort",
        LinkStatus="LinkUp" if on else "LinkDown",
        LinkNetworkTechnology="Ethernet",
        Ethernet={"AssociatedMACAddresses": [card.mac]},
        Status=_OK,
    )


def function(server: Server, card: Card) -> Resource:
    """Return a function with all its addresses."""
    return resource(
        function_path(server, card),
        "NetworkDeviceFunction.v1_9_2.NetworkDeviceFunction",
        f"Function {card.number}",
        NetDevFuncType="Ethernet",
        NetDevFuncCapabilities=["Ethernet", "iSCSI", "FibreChannelOverEthernet"],
        DeviceEnabled=True,
        BootMode=card.boot_mode,
        Ethernet={"MACAddress": card.mac, "PermanentMACAddress": card.permanent_mac},
        FibreChannel={
            "WWPN": card.wwpn,
            "PermanentWWPN": card.permanent_wwpn,
            "WWNN": card.wwnn,
            "PermanentWWNN": card.permanent_wwnn,
            "WWNSource": "ConfiguredLocally",
        },
        iSCSIBoot={name: None if name == "CHAPSecret" else card.iscsi.get(name) for name in ISCSI},
        Links={"PhysicalPortAssignment": link(port_path(server, card))},
        Status=_OK,
    )


def interface(server: Server, card: Card, *, on: bool) -> Resource:
    """Return a card as the system's EthernetInterface."""
    return resource(
        f"{system_path(server)}/EthernetInterfaces/NIC{card.number}",
        "EthernetInterface.v1_12_2.EthernetInterface",
        f"NIC {card.number}",
        InterfaceEnabled=True,
        LinkStatus="LinkUp" if on else "LinkDown",
        MACAddress=card.mac,
        PermanentMACAddress=card.permanent_mac,
        Status=_OK,
        Links={"NetworkDeviceFunctions": [link(function_path(server, card))]},
    )


def network_interface(server: Server) -> Resource:
    """Return the adapter as the system sees it."""
    path = adapter_path(server)
    return resource(
        f"{system_path(server)}/NetworkInterfaces/{ADAPTER}",
        "NetworkInterface.v1_2_1.NetworkInterface",
        "Converged network adapter",
        Links={"NetworkAdapter": link(path)},
        NetworkDeviceFunctions=link(f"{path}/NetworkDeviceFunctions"),
        Ports=link(f"{path}/Ports"),
        Status=_OK,
    )
