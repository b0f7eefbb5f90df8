"""Schemathesis against our own OpenAPI document, over real HTTP: no answer that the document does not know."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import clean_environment, make_music, serving


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_the_openapi_document_tells_the_truth(tmp_path: Path) -> None:
    with serving(tmp_path / "data", music=[make_music(tmp_path / "music", 3)]) as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
                *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
                *(
                    "--max-examples",
                    "10",
                    "--seed",
                    "1",
                    "--phases",
                    "examples,coverage,fuzzing",
                    "--no-color",
                ),
            ],
            env=clean_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
        assert " ERROR " not in server.log
