"""The server's clock, estimated from pings: of several round trips the shortest says most."""

from __future__ import annotations

from collections import deque
from typing import Final

#: Round trips remembered: enough that one of them was quick, few enough to follow a drifting clock.
SAMPLES: Final = 8


class ServerClock:
    """Estimates log time. Own times are in seconds of any steady clock, the server's in ms."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=SAMPLES)  # (round trip, offset), both ms

    @property
    def known(self) -> bool:
        """Whether there was any sample yet."""
        return bool(self._samples)

    def restart(self) -> None:
        """Forget all samples: another connection may lead to another node by another way."""
        self._samples.clear()

    def sample(self, sent: float, received: float, server_now: float) -> None:
        """A question sent and answered at these own times; the server said `server_now`."""
        offset = server_now - (sent + received) * 500
        self._samples.append(((received - sent) * 1000, offset))

    def now(self, own: float) -> float:
        """Log time (ms) at own time `own`; own time itself while nothing is known."""
        offset = min(self._samples)[1] if self._samples else 0.0
        return own * 1000 + offset
