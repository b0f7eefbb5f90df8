"""Bare peers to compare with, as small as such servers get: `python -m loadtest.peers KIND PORT [READY]`.

`asgi`: Starlette on uvicorn's sans-IO WebSocket protocol and uvloop: /sub with POST /pub (fan-out by `send_bytes`),
/echo (MessagePack in, MessagePack out), /join (one message in, one of `size` bytes out), and POST …/vote (a small map
in, a ten-song queue out).
`grpc`: grpc.aio, a VoteRequest in, a ten-song QueueResponse out.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import msgpack
import orjson
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from crowdcue.faces import queue_pb2 as pb

from .target import song

TRACKS = [{**song(f"song{n:08d}"), "votes": n} for n in range(10)]


def asgi() -> Starlette:
    """The Starlette peer."""
    listeners: set[WebSocket] = set()

    async def subscribe(websocket: WebSocket) -> None:
        await websocket.accept()
        listeners.add(websocket)
        try:
            while True:
                await websocket.receive_bytes()
        except WebSocketDisconnect:
            listeners.discard(websocket)

    async def publish(request: Request) -> Response:
        body = await request.body()
        for websocket in list(listeners):
            await websocket.send_bytes(body)
        return Response(b"{}", media_type="application/json")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                message = msgpack.unpackb(await websocket.receive_bytes())
                await websocket.send_bytes(msgpack.packb({"t": "done", "id": message["id"], "seq": 1}))
        except WebSocketDisconnect:
            return

    async def join(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.receive_bytes()
            await websocket.send_bytes(bytes(int(websocket.query_params["size"])))
            await websocket.receive()
        except WebSocketDisconnect:
            return

    async def post(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps({"queue": TRACKS}), media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"ready")

    return Starlette(
        routes=[
            WebSocketRoute("/sub", subscribe),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/join", join),
            Route("/pub", publish, methods=["POST"]),
            Route("/api/rooms/{code}/vote", post, methods=["POST"]),
            Route("/ready", ready),
        ]
    )


async def serve_grpc(port: int, ready: int) -> None:
    """The gRPC peer."""
    tracks = [
        pb.Track(id=t["id"], title=t["title"], artist=t["artist"], votes=t["votes"], duration=t["duration"])
        for t in TRACKS
    ]

    async def vote(request: pb.VoteRequest, _: Any) -> pb.QueueResponse:
        return pb.QueueResponse(message=request.id and "Vote counted", queue=tracks)

    handler = grpc.unary_unary_rpc_method_handler(
        vote,
        request_deserializer=pb.VoteRequest.FromString,
        response_serializer=pb.QueueResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("queue.QueueService", {"VoteTrack": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await asyncio.start_server(_say_ready, "127.0.0.1", ready)
    await server.wait_for_termination()


async def _say_ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whoever started this process asks over HTTP whether it is there."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


def main() -> None:
    """Serve until ended."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "grpc":
        uvloop.run(serve_grpc(port, int(sys.argv[3])))
        return
    uvloop.install()
    uvicorn.run(
        asgi(),
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        backlog=4096,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
