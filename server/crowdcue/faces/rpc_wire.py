"""States and patches as `Update` messages of queue.proto: the codec of a gRPC listener."""

from __future__ import annotations

from typing import Any

from crowdcue.faces import queue_pb2 as pb


class RpcWire:
    """What `live.fanout` needs of a codec, for the stream that `Watch` answers with."""

    subprotocol = "grpc"
    text = False

    @staticmethod
    def encode(message: dict[str, Any]) -> bytes:
        """A state or a patch as an Update; other messages (`mine`, `here`) have no place in it and are empty."""
        if message["t"] not in ("state", "patch"):
            return b""
        return update(message).SerializeToString()

    @staticmethod
    def open_map(message: dict[str, Any]) -> bytes:
        """The whole Update of a state: a gRPC listener is not told its own votes."""
        return update(message).SerializeToString()

    @staticmethod
    def close_map(head: bytes, name: str, value: object) -> bytes:  # noqa: ARG004
        """What `open_map` made."""
        return head


RPC = RpcWire()


def update(message: dict[str, Any]) -> pb.Update:
    """The Update of a `state` or `patch` message."""
    whole = message["t"] == "state"
    found = pb.Update(
        seq=message["seq"],
        mark=message["mark"],
        whole=whole,
        removed=message.get("del", ()),
        set=[item(fields) for fields in message.get("queue" if whole else "set", ())],
        playing_changed="playing" in message,
        history=[
            pb.Played(song=item(play["song"]), play=play["play"], played_at=play["played_at"])
            for play in message.get("history", ())
        ],
    )
    playing = message.get("playing")
    if playing is not None:
        found.playing.CopyFrom(
            pb.Playing(
                song=item(playing["song"]),
                play=playing["play"],
                position=playing["position"],
                started_at=playing["started_at"],
                paused_at=playing["paused_at"],
                paused_by=playing["paused_by"],
            )
        )
    return found


def item(fields: dict[str, Any]) -> pb.Item:
    """A queue item, or those of its fields that changed."""
    by = fields.get("by")
    return pb.Item(
        id=fields["id"],
        title=fields.get("title"),
        artist=fields.get("artist"),
        duration=fields.get("duration"),
        score=fields.get("score"),
        up=fields.get("up"),
        down=fields.get("down"),
        by=by["name"] if by else None,
        key=fields.get("key", ()),
    )
