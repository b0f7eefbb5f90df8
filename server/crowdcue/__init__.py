"""Crowdcue: a party's shared music queue, one ordered log per room and many live replicas."""

__version__ = "0.1.0"
