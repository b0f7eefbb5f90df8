"""How a refusal reads on each face: one table from the stable code to the HTTP status."""

from __future__ import annotations

from typing import Final

from crowdcue.room.refusal import CODES, Code

HTTP: Final[dict[Code, int]] = {
    "bad_request": 400,
    "unauthorised": 401,
    "forbidden": 403,
    "pin_needed": 403,
    "bad_pin": 403,
    "no_such_room": 404,
    "no_such_song": 404,
    "queue_empty": 400,
    "queue_full": 409,
    "too_many": 429,
    "too_large": 413,
    "stale": 409,
    "not_now": 409,
    "unavailable": 503,
    "internal": 500,
}
assert HTTP.keys() == CODES.keys()
