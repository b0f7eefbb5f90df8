"""What a picture's first bytes say: its type by magic number and its size in pixels; nothing is ever
decoded."""

MAX_IMAGE_BYTES = 4 * 1024 * 1024
"""Larger artwork is left out: phones fetch it over a crowded Wi-Fi."""
MAX_IMAGE_PIXELS = 25_000_000
"""A browser decodes to 4 bytes a pixel, so this is 100 MB in the worst case; a small file can claim far
more."""


def image_mime(data: bytes) -> str | None:
    """The MIME type of a JPEG, PNG, WebP or GIF within the limits, else None. SVG is never one: it can carry
    script."""
    if not 0 < len(data) <= MAX_IMAGE_BYTES:
        return None
    for mime, sniff in (
        ("image/jpeg", _jpeg),
        ("image/png", _png),
        ("image/webp", _webp),
        ("image/gif", _gif),
    ):
        size = sniff(data)
        if size is not None:
            width, height = size
            return mime if 0 < width * height <= MAX_IMAGE_PIXELS else None
    return None


def _png(data: bytes) -> tuple[int, int] | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 33:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _gif(data: bytes) -> tuple[int, int] | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        return None
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header; each step moves on by at least two bytes, so this ends."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte before the marker
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == 0xD9 or marker == 0xDA:  # the end, or picture data, before any frame header
            return None
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return None
        at += 2 + length
    return None
