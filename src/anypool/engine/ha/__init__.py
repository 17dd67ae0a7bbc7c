"""High availability, as far as it acts: what is seen of hosts, who is guarded, what is begun."""
