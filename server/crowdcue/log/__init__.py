"""Where a room's entries are put in order and kept: the contract, and its two backends."""
