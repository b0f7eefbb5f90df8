"""Build hook: generates the Protocol Buffers module from queue.proto, for wheels and editable installs alike."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROTO = "crowdcue/faces/queue.proto"


class GenerateProtocol(BuildHookInterface):  # type: ignore[type-arg]
    """Runs protoc (of grpcio-tools, a build requirement) next to the .proto file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Called by hatchling before it collects files."""
        from grpc_tools import protoc

        source = Path(self.root) / "server"
        failed = protoc.main(
            ["protoc", f"-I{source}", f"--python_out={source}", f"--pyi_out={source}", str(source / PROTO)]
        )
        if failed:
            raise RuntimeError(f"protoc failed on {PROTO}")
        build_data["artifacts"] += [
            "server/crowdcue/faces/queue_pb2.py",
            "server/crowdcue/faces/queue_pb2.pyi",
        ]
