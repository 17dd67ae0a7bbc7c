"""The driver of a boot host: DHCP, boot scripts and iSCSI targets of servers that start."""
