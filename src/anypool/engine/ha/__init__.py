"""High availability, as far as it acts: who is guarded, what is begun."""
