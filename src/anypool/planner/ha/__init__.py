"""High availability, as far as it is judgement: what happened to a host, and what to do now."""
