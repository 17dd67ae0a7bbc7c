"""IPMI: power, next start, sensors, log and parts of servers whose BMC has no Redfish."""
