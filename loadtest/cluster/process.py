"""One child process: started, its output read line by line, ended by its id."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

#: Lines of a process that are kept in memory, for messages and for the host's link. All are in the log file.
KEPT_LINES: Final = 200


class Log:
    """Where the lines of all processes go: one file, and the terminal if wanted, each line with its origin in front."""

    def __init__(self, path: Path, terminal: TextIO | None = None) -> None:
        self.path = path
        self._terminal = terminal
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def line(self, origin: str, text: str) -> None:
        """Write one line. After `close` it goes nowhere."""
        whole = f"{origin:<7}| {text.rstrip()}\n"
        with self._lock:
            if not self._file.closed:
                self._file.write(whole)
                if self._terminal is not None:
                    self._terminal.write(whole)
                    self._terminal.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


class Process:
    """A command that can be started, ended and started again.

    It runs beside the log, in a session of its own: Ctrl-C in the terminal reaches only us, and we end the children in
    good order.
    `died(process, code)` is called, on another thread, when it ends without having been asked to.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Log,
        died: Callable[[Process, int], None],
    ) -> None:
        self.name = name
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._died = died
        self._popen: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._ending = False

    @property
    def pid(self) -> int:
        """Its process id, also after it ended. Raises `RuntimeError` if it was never started."""
        if self._popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it. Raises `RuntimeError` if it runs already, `OSError` if there is no such program."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self._ending = False
        self._popen = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._log.path.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._popen,), name=self.name, daemon=True)
        self._reader.start()

    def stop(self, patience: float) -> None:
        """Ask it to end (SIGTERM) and wait; after `patience` s it is killed, and the log says so."""
        if self._popen is None:
            return
        self._ending = True
        if self.running:
            self._popen.terminate()
        try:
            self._popen.wait(patience)
        except subprocess.TimeoutExpired:
            self._log.line(self.name, f"did not end within {patience:g} s; killed")
        self.kill()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL), with the helpers it started, and wait until it is gone."""
        if self._popen is None:
            return
        self._ending = True
        # Its session is its process group; what is left of the group must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(5)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, for example SIGSTOP to make it hang."""
        os.kill(self.pid, number)

    def find(self, pattern: str) -> re.Match[str] | None:
        """The newest match of `pattern` in the last lines that it wrote."""
        matches = (re.search(pattern, line) for line in reversed(list(self.lines)))
        return next(filter(None, matches), None)

    def _read(self, popen: subprocess.Popen[str]) -> None:
        assert popen.stdout is not None
        with popen.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
                self._log.line(self.name, line)
        code = popen.wait()
        if not self._ending:
            self._died(self, code)
