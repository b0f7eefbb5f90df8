"""Many nodes on one machine, as compose.yaml has them but without Docker: for tests, load and `make cluster`."""

from .cluster import Cluster, ClusterError

__all__ = ["Cluster", "ClusterError"]
