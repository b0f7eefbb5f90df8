"""A square picture in numpy: gradients, glows and smooth-edged shapes in, a PNG out; knows nothing of
tunes."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 648
"""Pixels on a side: sharp on a big screen, and drawn in a few milliseconds."""

Field = NDArray[np.float32]
"""One number per pixel."""
Numbers = NDArray[Any]
"""The same where any kind of number will do; it is made to float32 before work is done with it."""


def rgb(code: str) -> Field:
    """A colour such as `ffcc00` as three numbers from 0 to 1."""
    return np.array([int(code[at : at + 2], 16) / 255 for at in (0, 2, 4)], np.float32)


class Canvas:
    """The picture. Coordinates go from −1 to 1, x to the right and y down; shapes are given by their signed
    distance (negative inside), which makes every edge smooth."""

    def __init__(self, seed: int) -> None:
        axis = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / SIZE) - np.float32(1)
        self.x: Field = np.broadcast_to(axis[None, :], (SIZE, SIZE))
        self.y: Field = np.broadcast_to(axis[:, None], (SIZE, SIZE))
        self.rng = np.random.Generator(np.random.PCG64(seed))
        # One plane per colour: numpy is several times faster along long rows than across triples.
        self.pixels = np.zeros((3, SIZE, SIZE), np.float32)
        self._all = (slice(0, SIZE), slice(0, SIZE))

    def gradient(self, colours: Sequence[str], dx: float = 0.0, dy: float = 1.0) -> None:
        """Fill everything with a run through the colours in a direction."""
        along = (self.x * np.float32(dx) + self.y * np.float32(dy)) / np.float32(abs(dx) + abs(dy))
        self.pixels[:] = ramp((along + 1) / 2, colours)

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """The part of the picture within these coordinates: drawing in a part is as much faster as it is
        smaller."""
        low = [int(np.clip((v + 1) * SIZE / 2 - 2, 0, SIZE)) for v in (top, left)]
        high = [int(np.clip((v + 1) * SIZE / 2 + 3, 0, SIZE)) for v in (bottom, right)]
        return slice(low[0], high[0]), slice(low[1], high[1])

    def paint(
        self,
        distance: Numbers,
        colour: str | Field,
        opacity: float = 1.0,
        part: tuple[slice, slice] | None = None,
        soft: float = 1.5,
    ) -> None:
        """Fill where the distance is negative, with an edge `soft` pixels wide. The distance covers the
        part."""
        distance = np.asarray(distance, np.float32)
        cover = np.clip(np.float32(0.5) - distance * np.float32(SIZE / 2 / soft), 0, 1) * np.float32(opacity)
        self.blend(cover, colour, part)

    def blend(self, cover: Numbers, colour: str | Field, part: tuple[slice, slice] | None = None) -> None:
        """Mix a colour in, as much as `cover` says for each pixel (0 to 1)."""
        rows, columns = part or self._all
        cover = np.asarray(cover, np.float32)
        paint = rgb(colour) if isinstance(colour, str) else colour
        for plane, value in zip(self.pixels[:, rows, columns], paint, strict=True):
            plane += (value - plane) * cover

    def light(self, x: float, y: float, radius: float, colour: str, strength: float) -> None:
        """A glow that adds to what is there."""
        part = self.box(x - radius * 2.6, y - radius * 2.6, x + radius * 2.6, y + radius * 2.6)
        px, py = self.x[part] - np.float32(x), self.y[part] - np.float32(y)
        glow = np.exp(-(px * px + py * py) / np.float32(radius * radius)) * np.float32(strength)
        rows, columns = part
        for plane, value in zip(self.pixels[:, rows, columns], rgb(colour), strict=True):
            plane += (1 - plane) * (glow * value)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        colour: str,
        opacity: float = 1.0,
        soft: float = 1.5,
        stretch: float = 1.0,
    ) -> None:
        """A filled circle, or an ellipse `stretch` times as wide as high."""
        grow = radius + soft / SIZE * 2
        part = self.box(x - grow * stretch, y - grow, x + grow * stretch, y + grow)
        distance = np.hypot(
            (self.x[part] - np.float32(x)) / np.float32(stretch), self.y[part] - np.float32(y)
        ) - np.float32(radius)
        self.paint(distance, colour, opacity, part, soft)

    def ring(
        self, x: float, y: float, radius: float, width: float, colour: str, opacity: float = 1.0
    ) -> None:
        """A circle's line."""
        grow = radius + width
        part = self.box(x - grow, y - grow, x + grow, y + grow)
        distance = np.abs(
            np.hypot(self.x[part] - np.float32(x), self.y[part] - np.float32(y)) - np.float32(radius)
        )
        self.paint(distance - np.float32(width / 2), colour, opacity, part)

    def slab(
        self,
        x: float,
        y: float,
        half_width: float,
        half_height: float,
        colour: str | Field,
        opacity: float = 1.0,
        radius: float = 0.0,
        soft: float = 1.5,
    ) -> None:
        """A rectangle with round corners, given by its middle and half its sides."""
        part = self.box(x - half_width, y - half_height, x + half_width, y + half_height)
        dx = np.abs(self.x[part] - np.float32(x)) - np.float32(half_width - radius)
        dy = np.abs(self.y[part] - np.float32(y)) - np.float32(half_height - radius)
        distance = (
            np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
            + np.minimum(np.maximum(dx, dy), 0)
            - np.float32(radius)
        )
        self.paint(distance, colour, opacity, part, soft)

    def stroke(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        width: float,
        colour: str,
        opacity: float = 1.0,
        soft: float = 1.5,
    ) -> None:
        """A line with round ends."""
        part = self.box(min(x1, x2) - width, min(y1, y2) - width, max(x1, x2) + width, max(y1, y2) + width)
        px, py = self.x[part] - np.float32(x1), self.y[part] - np.float32(y1)
        bx, by = x2 - x1, y2 - y1
        along = np.clip((px * np.float32(bx) + py * np.float32(by)) / np.float32(bx * bx + by * by), 0, 1)
        distance = np.hypot(px - along * np.float32(bx), py - along * np.float32(by)) - np.float32(width / 2)
        self.paint(distance, colour, opacity, part, soft)

    def vignette(self, strength: float = 0.35) -> None:
        """Darker corners, so that the eye stays in the middle."""
        away = np.clip((self.x**2 + self.y**2 - np.float32(0.5)) / np.float32(1.5), 0, 1)
        self.pixels *= 1 - np.float32(strength) * away

    def png(self, grain: float = 1.0) -> bytes:
        """The finished picture. A grain of about one step of brightness hides the bands that gradients would
        show."""
        noise = self.rng.random((SIZE, SIZE), dtype=np.float32) * np.float32(grain)
        pixels = np.empty((SIZE, SIZE, 3), np.uint8)
        for n, plane in enumerate(self.pixels):
            pixels[..., n] = np.clip(plane * np.float32(255) + noise, 0, 255)
        # Each line as the difference from the one above (filter 2): gradients become nearly constant.
        lines = np.empty((SIZE, SIZE * 3 + 1), np.uint8)
        flat = pixels.reshape(SIZE, -1)
        lines[:, 0] = 2
        lines[0, 1:] = flat[0]
        lines[1:, 1:] = flat[1:] - flat[:-1]
        header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
        data = zlib.compress(lines.tobytes(), 1)
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def ramp(along: Numbers, colours: Sequence[str]) -> Field:
    """The colours, evenly spaced from 0 to 1, blended at each value of `along`; (3, …)."""
    # A table finer than what a screen shows is many times faster than blending at every pixel.
    stops, fine = np.linspace(0, 1, len(colours)), np.linspace(0, 1, 4096)
    places = np.clip(along * np.float32(4095), 0, 4095).astype(np.int32)
    channels = [np.interp(fine, stops, [float(rgb(code)[n]) for code in colours]) for n in range(3)]
    return np.stack([np.take(channel.astype(np.float32), places) for channel in channels])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
