"""IPMI: power, next start, sensors, log and label of servers whose BMC has no Redfish."""
