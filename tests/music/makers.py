"""Makes real music files for the tests: a moment of silence in each format, with tags and pictures where asked."""

import base64
import io
import struct
import wave
import zlib
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.oggopus

ID3: Any = mutagen.id3
FLAC: Any = mutagen.flac
OGG: Any = mutagen.oggopus
MP4: Any = mutagen.mp4


def wav(path: Path, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(seconds))
    return path


def wav_bytes(seconds: float = 0.5) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 16000)))
    return out.getvalue()


def mp3(path: Path, *, picture: bytes | None = None, frames: int = 60, **texts: str) -> Path:
    """MPEG 1 layer III, 128 kbit/s, 44.1 kHz: a frame is 417 bytes and 26 ms."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((b"\xff\xfb\x90\x64" + bytes(413)) * frames)
    tags = ID3.ID3()
    for name, text in texts.items():
        tags.add(getattr(ID3, name)(encoding=3, text=text))
    if picture is not None:
        tags.add(ID3.APIC(encoding=3, mime="image/whatever", type=3, desc="", data=picture))
    tags.save(path)
    return path


def flac(path: Path, *, picture: bytes | None = None, seconds: int = 2, **tags: str) -> Path:
    """A FLAC file whose header promises so many seconds; there is no sound in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate, samples = 44100, 44100 * seconds
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += ((rate << 44) | (1 << 41) | (15 << 36) | samples).to_bytes(8, "big") + bytes(16)
    path.write_bytes(b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info)
    file = FLAC.FLAC(path)
    for name, text in tags.items():
        file[name] = text
    if picture is not None:
        file.add_picture(flac_picture(picture))
    file.save()
    return path


def opus(path: Path, *, picture: bytes | None = None, **tags: str) -> Path:
    """An Ogg file with the two headers of Opus and one page that ends after three seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
    comment = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    path.write_bytes(_page(head, 0, 2, 0) + _page(comment, 1, 0, 0) + _page(b"\xf8\xff\xfe", 2, 4, 144000))
    file = OGG.OggOpus(path)
    for name, text in tags.items():
        file[name] = text
    if picture is not None:
        file["metadata_block_picture"] = base64.b64encode(flac_picture(picture).write()).decode()
    file.save()
    return path


def flac_picture(data: bytes) -> Any:
    picture = FLAC.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", data
    return picture


def png(width: int = 2, height: int = 2, padding: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes((1 + 3 * min(width, 64)) * min(height, 64)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", rows + bytes(padding))
        + chunk(b"IEND", b"")
    )


def _page(packet: bytes, number: int, flags: int, granule: int) -> bytes:
    header = struct.pack("<4sBBqIIIBB", b"OggS", 0, flags, granule, 7, number, 0, 1, len(packet))
    crc = 0
    for byte in header + packet:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return header[:22] + struct.pack("<I", crc) + header[26:] + packet
