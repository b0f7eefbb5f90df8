"""Seals rooms' PINs, so that a log tells nobody a PIN while every node that holds the party's key knows it again."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

#: Longer texts are no PINs; not even looked at.
MAX_PIN: Final = 64


class Pins:
    """Seals with a key made of `secret`, which all nodes of a party share.

    A keyed hash, not a slow one: ten thousand PINs are soon tried whatever one try costs, so what stands between a
    log and its PIN is the key. The room's code goes in too: the same PIN looks different in another room.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"crowdcue.pin").digest()

    def seal(self, code: str, pin: str) -> str:
        """What the log keeps of a room's PIN: 32 hexadecimal digits, the same every time; "" for no PIN."""
        if not pin:
            return ""
        text = f"{code} {pin}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=16).hexdigest()

    def fits(self, code: str, pin: str, seal: str) -> bool:
        """Whether this is the PIN of the seal; takes as long for any that is not."""
        if not 0 < len(pin) <= MAX_PIN:
            return False
        return hmac.compare_digest(self.seal(code, pin), seal)
