"""nchan, the peer for fan-out: Debian's Nginx module on a configuration of our own, one worker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .cluster import ports
from .cluster.edge import nginx_program
from .cluster.process import Process
from .target import running

#: Where Debian's libnginx-mod-nchan puts it.
MODULE: Final = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

_CONFIGURATION: Final = """\
load_module {module};
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 65536;
{user}
events {{ worker_connections 32768; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    nchan_max_reserved_memory 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        tcp_nodelay on;
        nchan_channel_id load;
        nchan_message_buffer_length 1;
        location = /sub {{ nchan_subscriber websocket; nchan_subscriber_first_message newest; }}
        location = /pub {{ nchan_publisher http; }}
        location = /ready {{ return 200; }}
    }}
}}
"""


@contextlib.contextmanager
def nchan(folder: Path) -> Iterator[tuple[Process, int]]:
    """An Nginx with nchan: its process and its port; subscribers on /sub, messages to /pub. Raises `TargetError`."""
    port = ports.free(1)[0]
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        _CONFIGURATION.format(module=MODULE, folder=folder, port=port, user=user), encoding="utf-8"
    )
    command = [nginx_program(), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with running("nchan", command, folder, port, "/ready") as process:
        yield process, port
