"""What BMCs tell by themselves: SNMP traps and Redfish pushes. It is a hint, never a proof."""
