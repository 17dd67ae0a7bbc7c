"""What is kept for a while and thinned out: inventories, backups, prices, the head of the audit."""
