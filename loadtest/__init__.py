"""Load against a running party, and the local cluster that carries it."""
