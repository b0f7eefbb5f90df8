"""A real redis-server for tests: on a free port of loopback, in a folder of its own, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis

#: How long a server may take to come up or go down on a busy machine (s).
PATIENCE = 20.0


def free_port() -> int:
    """A port of loopback that nobody listens on, and whose cluster bus port (+ 10000) exists."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port


class RedisServer:
    """`with RedisServer() as server:` runs one; `restart` keeps its data."""

    def __init__(
        self,
        *options: str,
        appendfsync: str = "always",
        port: int | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        """`options`: more of redis-server's command line, e.g. "--cluster-enabled", "yes"; `env`: more variables."""
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("these tests need redis-server (Debian: apt install redis-server)")
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="crowdcue-redis-"))
        self.command_line = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
            "--appendonly", "yes", "--appendfsync", appendfsync, "--logfile", "redis.log", *options,
        ]  # fmt: skip
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> RedisServer:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self.command_line, stdin=subprocess.DEVNULL, env=self._env)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.command("PING")
            except redis.exceptions.RedisError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "redis.log").read_text()
                    raise RuntimeError(f"redis-server did not start:\n{log[-2_000:]}") from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop it with its data safe, and start it again on the same port."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def raw(self, *args: str | int) -> str:
        """The answer to a command as redis-cli prints it, which knows no Python types."""
        line = ["redis-cli", "-p", str(self.port), *map(str, args)]
        return subprocess.run(
            line, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout.strip()

    def command(self, *args: str | int) -> object:
        """One command over a connection of its own."""
        client = redis.Redis(port=self.port, socket_timeout=5, socket_connect_timeout=2, protocol=2)
        try:
            answer: object = client.execute_command(*args)  # type: ignore[no-untyped-call]
            return answer
        finally:
            client.close()
