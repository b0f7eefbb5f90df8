"""The server's clock, estimated from pings: of several round trips the shortest says most."""

from __future__ import annotations

from collections import deque
from typing import Final

#: Round trips remembered: enough that one of them was quick, few enough to follow a drifting clock.
SAMPLES: Final = 8
#: A round trip is wrong by at most half its length. Two that differ by so much more (ms) are of two clocks: the
#: server's was set in between. Far more than clocks drift apart in the meantime.
JUMP: Final = 250.0


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
        trip, offset = (received - sent) * 1000, server_now - (sent + received) * 500
        if self._samples:
            best_trip, known = min(self._samples)
            if abs(offset - known) > (trip + best_trip) / 2 + JUMP:
                self.restart()
        self._samples.append((trip, offset))

    def now(self, own: float) -> float:
        """Log time (ms) at own time `own`; own time itself while nothing is known."""
        offset = min(self._samples)[1] if self._samples else 0.0
        return own * 1000 + offset
