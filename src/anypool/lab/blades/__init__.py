"""Blades: the lab's servers of hardware that is emulated, each with controllers of its own.

A blade is a QEMU in namespaces like those of the other servers, so that power, freezing and
cutting work on it in the same way. Its firmware, cards, disk and watchdog are real to what runs
on it; its settings are kept in a file, which its controllers write and each start reads.
"""
