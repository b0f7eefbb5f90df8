"""The pure core: what a room is, what may be asked of it, and what then changes. No clock, no I/O, no randomness."""
