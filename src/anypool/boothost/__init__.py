"""The boot host's program: who boots as whom, by dnsmasq, HTTP and tgt, and nobody else.

It is shipped to boot hosts as one file, so it imports nothing but itself and Python's own
library, and runs on Python 3.9.
"""
