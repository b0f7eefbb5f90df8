"""Prepares a folder for Nginx as its official image does at start: fills in the templates and writes the nodes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .compose import ROOT

_SOURCE: Final = ROOT / "nginx"
#: Minimal on purpose: the file types that Nginx itself answers with. Nodes name their own.
_MIME: Final = "types { text/html html; application/json json; text/css css; }\n"
#: Nginx makes these folders at start even if it never needs them; where they are compiled in, only root may.
_LOCAL: Final = """\
fastcgi_temp_path {temp}/fastcgi;
uwsgi_temp_path {temp}/uwsgi;
scgi_temp_path {temp}/scgi;
{extra}
"""


def nginx_program() -> str:
    """Where Nginx is; Debian keeps it outside a user's path. Raises `FileNotFoundError`."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError("nginx is not installed (Debian: apt install nginx)")
    return found


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """What envsubst does in the official image: `${NAME}` and `$NAME` for names that are in `environment`, no other."""

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1] or found[2], found[0])

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)


def render(
    folder: Path, environment: Mapping[str, str], *, more: Mapping[str, str] | None = None, extra: str = ""
) -> None:
    """Write a complete configuration into `folder`.

    `environment`: the variables of compose.yaml's service. `more`: further files of conf.d by name, substituted alike.
    `extra`: lines for the http block.
    """
    conf, temp = folder / "conf.d", Path(environment["CROWDCUE_NGINX_TEMP"])
    for made in (conf, temp):
        made.mkdir(parents=True, exist_ok=True)
    shutil.copy(_SOURCE / "nginx.conf", folder / "nginx.conf")
    (folder / "mime.types").write_text(_MIME, encoding="utf-8")
    wanted = re.compile(environment.get("NGINX_ENVSUBST_FILTER", ""))
    ours = {name: value for name, value in environment.items() if wanted.search(name)}
    texts = {
        template.name.removesuffix(".template"): template.read_text(encoding="utf-8")
        for template in sorted((_SOURCE / "templates").glob("*.template"))
    }
    for name, text in {**texts, **(more or {})}.items():
        (conf / name).write_text(substitute(text, ours), encoding="utf-8")
    (conf / "crowdcue-local.conf").write_text(_LOCAL.format(temp=temp, extra=extra), encoding="utf-8")
    subprocess.run(
        [str(_SOURCE / "nodes.sh"), str(conf)],
        env={"PATH": os.environ.get("PATH", os.defpath), **ours},
        check=True,
        timeout=10,
    )


def command(folder: Path, *, foreground: bool = True) -> list[str]:
    """Nginx on the configuration in `folder`."""
    settings = f"pid {folder}/nginx.pid; lock_file {folder}/nginx.lock;"
    if foreground:
        settings += " daemon off;"
    if os.geteuid() == 0:
        settings += " user root;"  # else the workers may not enter a folder that is ours alone
    return [nginx_program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", settings]


def check(folder: Path) -> str:
    """`nginx -t` on the configuration in `folder`; what it says. Raises `subprocess.CalledProcessError`."""
    done = subprocess.run(
        [*command(folder, foreground=False), "-t"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout
