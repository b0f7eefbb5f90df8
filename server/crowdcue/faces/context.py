"""What every face needs to do its work: made once by the node, handed to all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crowdcue.faces.auth import Identity
from crowdcue.live.registry import Registry
from crowdcue.live.tasks import Tasks
from crowdcue.music.library import Library

if TYPE_CHECKING:
    from crowdcue.faces.websocket import Conversation


@dataclass(slots=True)
class Context:
    """The node as the faces see it.

    `public_url`: where phones reach the landing page, sub-path included, without a trailing slash.
    `root_path`: the sub-path alone ("" or "/party"). `ready`: the music is searchable.
    """

    registry: Registry
    library: Library
    identity: Identity
    tasks: Tasks
    public_url: str
    root_path: str
    open_party: bool
    grpc_port: int | None = None
    ready: bool = False
    draining: bool = False
    conversations: set[Conversation] = field(default_factory=set)
