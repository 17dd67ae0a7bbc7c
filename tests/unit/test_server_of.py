"""A server as the pool knows it, made from what its BMC tells."""

import pytest

from anypool.drivers.servers import server_of
from anypool.model import AdapterKind, Card, EndpointId, Hardware, PortFunction, ServerAbility

MAC, WWPN = "02:00:00:00:00:01", "20:01:02:00:00:00:00:01"
NIC, HBA = (AdapterKind.ETHERNET, MAC), (AdapterKind.FC, WWPN)


@pytest.mark.parametrize(
    ("kind", "mac", "wwpn", "found"),
    [
        ("Ethernet", MAC, "", [NIC]),
        ("", MAC, "", [NIC]),
        ("FibreChannel", "", WWPN, [HBA]),
        ("", "", WWPN, [HBA]),
        ("Ethernet", MAC, WWPN, [NIC, HBA]),
        ("FibreChannelOverEthernet", MAC, WWPN, [HBA]),
        ("iSCSI", MAC, "", []),
    ],
)
def test_a_converged_port_is_a_nic_and_an_hba(
    kind: str, mac: str, wwpn: str, found: list[tuple[AdapterKind, str]]
) -> None:
    function = PortFunction(
        path="/f/1", name="1", kind=kind, mac=mac, wwpn=wwpn, burnt_in=mac, burnt_wwpn=wwpn
    )
    hardware = Hardware(uuid="u", cards=(Card(name="CNA", functions=(function,)),))
    server = server_of(hardware, EndpointId("bmc"), frozenset({"mac"}))
    told = [(one.kind, port.address) for one in server.adapters for port in one.ports]
    assert told == found
    needs_both = any(kind is AdapterKind.FC for kind, _ in found)
    assert (ServerAbility.ADDRESSES in server.abilities) != needs_both
