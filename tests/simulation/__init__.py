"""The deterministic simulation: real nodes and sessions in virtual time, over a log and a network that misbehave."""
