"""The certificates that the pool's conversations rest on: until when each is good, and changes."""
