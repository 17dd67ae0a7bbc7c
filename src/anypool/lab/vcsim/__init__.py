"""A vCenter without hypervisors: govmomi's simulator, extended by what a pool does."""

from anypool.lab.vcsim.build import build, missing
from anypool.lab.vcsim.server import Vcsim, VcsimSpec, start

__all__ = ["Vcsim", "VcsimSpec", "build", "missing", "start"]
