"""The warden: a program on a host that renews its storage leases, and ends its VMs if it cannot.

It is shipped to hosts as one file, so it imports nothing but itself and Python's own library,
and runs on Python 3.9.
"""
