"""What each process of a run costs: CPU time from /proc/PID/stat, memory from /proc/PID/status (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TICK: Final = 1.0 / os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """CPU time of a process and of its children that live (s); 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK + sum(seconds(int(child)) for child in children)


def resident(pid: int) -> int:
    """Memory of a process without its children (bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Meter:
    """CPU of several processes by name, and of this one as `client`, from `start` to `stop`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, "client": os.getpid()}
        self._before: dict[str, float] = {}
        self._began = 0.0
        self.used: dict[str, float] = {}  #: CPU seconds by name
        self.wall = 0.0  #: s

    def start(self) -> Meter:
        """Begin to count."""
        self._began = time.monotonic()
        self._before = self._read()
        return self

    def stop(self) -> Meter:
        """End."""
        after = self._read()
        self.wall = time.monotonic() - self._began
        self.used = {name: after[name] - self._before[name] for name in after}
        return self

    def _read(self) -> dict[str, float]:
        return {
            name: time.process_time() if name == "client" else seconds(pid)
            for name, pid in self._pids.items()
        }

    @property
    def nodes(self) -> float:
        """CPU of all nodes together (s)."""
        return sum(used for name, used in self.used.items() if name.startswith("node"))

    def shares(self) -> dict[str, float]:
        """Share of one core by name."""
        return {name: used / self.wall for name, used in self.used.items()}
