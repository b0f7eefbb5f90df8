"""Nginx and many nodes: the configuration on its own, before scripted nodes, and real clusters with faults."""
