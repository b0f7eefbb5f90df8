"""The real server on uvicorn's own WebSocket protocol, without our extension: as on any other ASGI server."""

import sys
from unittest.mock import patch

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crowdcue import node
from crowdcue.cli import main

if __name__ == "__main__":
    with patch.object(node, "FramesProtocol", WebSocketsSansIOProtocol):
        sys.exit(main())
