"""Real `crowdcue serve` processes for tests: started on a free port, stopped by SIGTERM or killed, started again."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import wave
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

#: How the command is run: the module, so that no console script needs to be on the path.
COMMAND: Final = (sys.executable, "-m", "crowdcue")
#: A start takes well under a second on a quiet machine; a busy one with cold caches gets this long (s).
START_TIMEOUT: Final = 30.0
#: SIGTERM drains for at most 5 s and then lets requests finish for at most 5 s more (s).
STOP_TIMEOUT: Final = 20.0
#: Lines of output kept of a server, for messages of failing tests.
KEEP_LINES: Final = 500

_HOST_TOKEN: Final = re.compile(r"[?&]host=([\w.-]+)")
_running: set[subprocess.Popen[str]] = set()


@atexit.register
def _kill_what_is_left() -> None:
    for process in list(_running):
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything that configures Crowdcue, and with `extra`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROWDCUE_") and k != "REDIS_URL"}
    return {**kept, **(extra or {})}


def crowdcue(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, at most `timeout` s; its exit code and what it printed."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=clean_environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def make_music(folder: Path, count: int = 6, seconds: float = 1.0) -> Path:
    """A folder of `count` short silent WAV files, "Artist 1 - Tune 1.wav" …, so that a library is there at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        with wave.open(str(folder / f"Artist {number} - Tune {number}.wav"), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(1)
            out.setframerate(4_000)
            # The number makes each file's content its own: songs are told apart by what they hold.
            out.writeframes(bytes([127 + number % 3]) * int(4_000 * seconds) + bytes([number % 256]) * 8)
    return folder


class Server:
    """One server and its data folder; `start`, `stop` and `kill` may alternate, on the same port and data.

    `music`: folders to serve; without any, an empty one, because making the demo tunes takes seconds.
    `port`: as given, else a free one chosen at the first start. The calls block; in a test with live clients
    use `asyncio.to_thread`.
    """

    def __init__(
        self,
        data: Path,
        *arguments: str,
        open_party: bool = True,
        music: Sequence[Path] = (),
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = list(command)
        self.data = data
        self.port = port or 0
        self.grpc_port = 0
        self.host_token = ""
        self.output: deque[str] = deque(maxlen=KEEP_LINES)
        self._arguments = arguments
        self._open = open_party
        self._music = list(music)
        self._env = dict(env or {})
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._told = threading.Event()  # the welcome text is out, or the output has ended

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """`ws://127.0.0.1:PORT`."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there and has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """The last lines that it printed."""
        return "".join(self.output)

    def start(self) -> Server:
        """Start and wait until it is ready. Raises `AssertionError` with its output when it does not get there."""
        assert not self.running, "the server runs already"
        self.data.mkdir(parents=True, exist_ok=True)
        music = self._music or [self.data.parent / f"{self.data.name}-no-music"]
        for folder in music:
            folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        self.grpc_port = self.grpc_port or free_port()
        command = [*self._command, "serve", "--data", str(self.data), "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--grpc-port", str(self.grpc_port)]
        command += [part for folder in music for part in ("--music", str(folder))]
        command += ["--open"] if self._open else []
        self._told.clear()
        self._process = subprocess.Popen(
            [*command, *self._arguments],
            env=clean_environment({"PYTHONUNBUFFERED": "1", **self._env}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _running.add(self._process)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> int:
        """Ask it to drain and end (SIGTERM), and wait; its exit code."""
        return self._end(signal.SIGTERM, STOP_TIMEOUT)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL, 10.0)

    def terminate(self) -> None:
        """Send SIGTERM and do not wait."""
        assert self._process is not None
        self._process.terminate()

    def __enter__(self) -> Server:
        return self if self.running else self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def _end(self, number: int, timeout: float) -> int:
        process = self._process
        assert process is not None, "the server is not running"
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end within {timeout} s:\n{self.log}") from None
        finally:
            _running.discard(process)
        if self._reader is not None:
            self._reader.join(5)
        self._process = None
        return code

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as out:
            for line in out:
                self.output.append(line)
                if line.startswith("  Host ") and (found := _HOST_TOKEN.search(line)):
                    self.host_token = found[1]
                if line.startswith("  Music "):  # the last line of the welcome text
                    self._told.set()
        self._told.set()

    def _wait_ready(self) -> None:
        until = time.monotonic() + START_TIMEOUT
        assert self._told.wait(START_TIMEOUT), f"the server is not ready after {START_TIMEOUT} s:\n{self.log}"
        assert self.running, f"the server ended by itself:\n{self.log}"
        while not self._answers():
            assert self.running, f"the server ended by itself:\n{self.log}"
            assert time.monotonic() < until, f"/health/ready does not say so:\n{self.log}"
            time.sleep(0.02)  # readiness cannot be awaited from outside, only asked for

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/health/ready", timeout=5) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 404  # a server without the REST face: it serves, and has told us so
        except OSError:
            return False


@contextlib.contextmanager
def serving(
    data: Path, *arguments: str, open_party: bool = True, music: Sequence[Path] = ()
) -> Iterator[Server]:
    """A server for the length of a `with` block."""
    with Server(data, *arguments, open_party=open_party, music=music) as server:
        yield server
