"""The rooms that somebody on this node is in: replicas of their logs, and the fan-out of what changes."""
