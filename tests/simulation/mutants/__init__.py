"""Mistakes that somebody could make in the code, one by one; each must be noticed by the simulation."""

from __future__ import annotations

from tests.simulation.mutants import listeners, replicas, snapshots, writing
from tests.simulation.mutants.making import MUTANTS

__all__ = ["MUTANTS", "listeners", "replicas", "snapshots", "writing"]
