"""The support bundle: what somebody who helps needs to see, and never a secret."""

from anypool.service.support.bundle import Support, offline

__all__ = ["Support", "offline"]
