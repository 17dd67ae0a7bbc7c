"""How busy hosts and VMs are and were: measured, kept as hours and days, asked for again."""
