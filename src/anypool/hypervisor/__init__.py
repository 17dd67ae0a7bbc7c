"""The image of a server without a disk of its own that runs VMs: how it is made, how it joins."""
