"""What every face needs to do its work: made once by the node, handed to all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crowdcue.faces.auth import Identity
from crowdcue.faces.door import Door
from crowdcue.live.registry import Registry
from crowdcue.music.library import Library
from crowdcue.tasks import Tasks

if TYPE_CHECKING:
    from crowdcue.faces.rpc import RpcServer
    from crowdcue.faces.websocket import Conversation


#: A node is ready while its last proof of the log's path is at most so old (s): two may fail.
PROOF_LASTS: Final = 8.0


@dataclass(slots=True)
class Context:
    """The node as the faces see it.

    `public_url`: where phones reach the landing page, sub-path included, without a trailing slash.
    `root_path`: the sub-path alone ("" or "/party"). `ready`: the music is searchable; `proved_at`: when (s of the
    event loop) the log last gave back what this node published. `metrics_token`: opens `/metrics` from elsewhere.
    `wifi`: what a QR code says that joins the guests' network.
    """

    registry: Registry
    library: Library
    identity: Identity
    tasks: Tasks
    public_url: str
    root_path: str
    open_party: bool
    rpc: RpcServer | None = None
    ready: bool = False
    proved_at: float = float("-inf")
    draining: bool = False
    metrics_token: str | None = field(default=None, repr=False)
    wifi: str | None = field(default=None, repr=False)
    conversations: set[Conversation] = field(default_factory=set)
    door: Door = field(default_factory=Door)

    def why_not_ready(self) -> str | None:
        """Why no new clients should come to this node now; None when they should."""
        if self.draining:
            return "draining"
        if not self.ready:
            return "reading music"
        if asyncio.get_running_loop().time() - self.proved_at > PROOF_LASTS:
            return "the log does not answer"
        return None
