"""A very small studio in numpy: notes in, a mastered stereo recording out; knows instruments only as arrays
of samples."""

import re
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]
"""Mono samples of one sound, or (2, n) for a stereo recording, around −1 to 1."""
Instrument = Callable[[float, float], Audio]
"""(frequency in Hz, length in seconds) to one sound."""

RATE = 32_000
"""Samples a second: hats still sparkle, and a tune is a third smaller than at 48 kHz."""
LOUDNESS = 0.14
"""RMS of every finished tune, about −17 dBFS, so that none is louder than the next."""
CEILING = 0.89
"""Highest sample, −1 dBFS: converters and codecs behind us need the rest."""
TAIL_SECONDS = 2.5
"""Room for the last chord and its reverb after the last beat."""

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_NOTE = re.compile(r"([a-g])([#b]?)(-?\d)")


def pitch(name: str) -> float:
    """The frequency in Hz of a note such as `a4`, `c#3`, `eb5`. Raises ValueError for anything else."""
    match = _NOTE.fullmatch(name)
    if match is None:
        raise ValueError(f"no such note: {name!r}")
    letter, sharp, octave = match.groups()
    semitone = _STEPS[letter] + {"#": 1, "b": -1, "": 0}[sharp] + 12 * (int(octave) + 1)
    return float(440.0 * 2 ** ((semitone - 69) / 12))


def seconds(length: float) -> Audio:
    """The times of the samples of a sound of this length."""
    return (np.arange(int(length * RATE), dtype=np.float32)) / np.float32(RATE)


class Mix:
    """A recording in the making. Positions and lengths are in beats; `swing` delays every second eighth note
    by that part of a beat; `seed` fixes the small human unevenness in time and strength."""

    def __init__(
        self, bpm: float, beats: float, *, seed: int, swing: float = 0.0, human: float = 0.006
    ) -> None:
        self.beat = 60.0 / bpm
        self.beats = beats
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self._swing = swing
        self._human = human
        size = int((beats * self.beat + TAIL_SECONDS) * RATE)
        self.dry: Audio = np.zeros((2, size), np.float32)
        self.room: Audio = np.zeros(size, np.float32)  # what goes to the reverb, mono
        self.echo: Audio = np.zeros(size, np.float32)  # what goes to the delay, mono
        self._sounds: dict[tuple[Instrument, float, float], Audio] = {}

    def hit(
        self, sound: Audio, at: float, gain: float, pan: float = 0.0, room: float = 0.1, echo: float = 0.0
    ) -> None:
        """Put one sound at a beat. `pan` goes from −1 (left) to 1; `room` and `echo` are the shares sent
        there."""
        half = at * 2
        if self._swing and abs(half - round(half)) < 0.01 and round(half) % 2:
            at += self._swing
        start = int((at * self.beat + abs(self.rng.normal(0.0, self._human))) * RATE)
        gain *= 1.0 + float(self.rng.normal(0.0, 0.05))
        if start >= self.room.size:
            return
        sound = sound[: self.room.size - start] * np.float32(gain)
        span = slice(start, start + sound.size)
        angle = (pan + 1) * np.pi / 4  # constant power
        self.dry[0, span] += sound * np.float32(np.cos(angle) * 1.414)
        self.dry[1, span] += sound * np.float32(np.sin(angle) * 1.414)
        if room:
            self.room[span] += sound * np.float32(room)
        if echo:
            self.echo[span] += sound * np.float32(echo)

    def note(
        self,
        instrument: Instrument,
        name: str,
        at: float,
        length: float,
        gain: float,
        pan: float = 0.0,
        room: float = 0.2,
        echo: float = 0.0,
    ) -> None:
        """One note of an instrument, its length in beats."""
        key = (instrument, pitch(name), round(length * self.beat, 3))
        sound = self._sounds.get(key)
        if sound is None:
            sound = self._sounds[key] = instrument(key[1], key[2])
        self.hit(sound, at, gain, pan, room, echo)

    def chord(
        self,
        instrument: Instrument,
        names: str,
        at: float,
        length: float,
        gain: float,
        *,
        spread: float = 0.5,
        strum: float = 0.0,
        room: float = 0.2,
        echo: float = 0.0,
    ) -> None:
        """Notes together (`"c3 e3 g3"`), low ones left, high ones right; `strum` is the time between them, in
        beats."""
        notes = names.split()
        for i, name in enumerate(notes):
            pan = spread * (2 * i / max(1, len(notes) - 1) - 1)
            self.note(instrument, name, at + i * strum, length, gain, pan, room, echo)

    def line(
        self,
        instrument: Instrument,
        text: str,
        at: float,
        gain: float,
        pan: float = 0.0,
        room: float = 0.25,
        echo: float = 0.0,
        hold: float = 1.0,
    ) -> float:
        """A melody: `"e5:1 g5:.5 .:.5"` is notes (`.`: silence) with beats; `hold` stretches the sound of
        each. Returns the beat after it."""
        for token in text.split():
            name, _, length = token.partition(":")
            beats = float(length)
            if name != ".":
                self.note(instrument, name, at, beats * hold, gain, pan, room, echo)
            at += beats
        return at

    def pattern(
        self, sound: Audio, text: str, at: float, gain: float, pan: float = 0.0, room: float = 0.08
    ) -> None:
        """Drums on a grid of sixteenth notes: `x` hits, `o` softly, `-` ghostly, anything else rests."""
        for i, char in enumerate(text.replace("|", "").replace(" ", "")):
            if (strength := {"x": 1.0, "o": 0.6, "-": 0.3}.get(char)) is not None:
                self.hit(sound, at + i / 4, gain * strength, pan, room)

    def pump(self, beats: Iterable[float], depth: float = 0.6, release: float = 0.28) -> None:
        """Duck all that is in the mix so far at each of these beats, as dance music does under its kick
        drum."""
        shape = 1 - np.float32(depth) * np.exp(-seconds(self.beat) / np.float32(release * self.beat))
        for beat in beats:
            start = int(beat * self.beat * RATE)
            length = min(shape.size, self.room.size - start)
            for bus in (self.dry[0], self.dry[1], self.room, self.echo):
                bus[start : start + length] *= shape[:length]

    def master(
        self, *, reverb: float = 1.6, wet: float = 1.0, delay: float = 0.75, feedback: float = 0.45
    ) -> Audio:
        """The finished recording, (2, n): echoes every `delay` beats, a hall of `reverb` seconds, even
        loudness, no clipping, silence at both ends."""
        step = int(delay * self.beat * RATE)
        level = 1.0
        for i in range(1, 6):  # left, right, left, ever softer
            level *= feedback
            at = i * step
            if at >= self.echo.size or not self.echo.any():
                break
            tap = self.echo[:-at] * np.float32(level)
            self.dry[i % 2, at:] += tap
            self.dry[1 - i % 2, at:] += tap * np.float32(0.35)
            self.room[at:] += tap * np.float32(0.25)
        out = self.dry
        if wet:
            out = out + hall(self.room, reverb) * np.float32(wet)
        out -= out.mean(axis=1, keepdims=True)
        out *= np.float32(LOUDNESS / max(float(np.sqrt(np.mean(out**2))), 1e-9))
        out = limit(out)
        _fade(out, 0.004, TAIL_SECONDS * 0.7)
        return out


def limit(sound: Audio) -> Audio:
    """Rounds off what is above a knee so that nothing passes the ceiling; below the knee nothing changes."""
    knee = np.float32(0.5)
    room = np.float32(CEILING) - knee
    size = np.abs(sound)
    if float(size.max()) <= knee:
        return sound
    over = size > knee
    peaks = sound[over]
    sound[over] = np.sign(peaks) * (knee + room * np.tanh((size[over] - knee) / room))
    return sound


def _fade(sound: Audio, begin: float, end: float) -> None:
    rise, fall = int(begin * RATE), int(end * RATE)
    sound[:, :rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    sound[:, -fall:] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2


def hall(sound: Audio, length: float) -> Audio:
    """A mono sound in a stereo room whose echo dies away in `length` seconds; (2, n), without the sound itself."""
    # At half the sample rate: a room swallows the highest notes first, and this is most of a tune's cost.
    half = sound[: sound.size // 2 * 2].reshape(-1, 2).mean(axis=1)
    response = _response(length)
    size = fast_size(half.size + response.shape[1])
    spectrum = np.fft.rfft(half, size)
    wet = np.zeros((2, sound.size), np.float32)
    for side in (0, 1):
        slow = np.fft.irfft(spectrum * np.fft.rfft(response[side], size), size)[: half.size]
        wet[side, : half.size * 2 : 2] = slow
        wet[side, 1 : half.size * 2 - 1 : 2] = (slow[:-1] + slow[1:]) / 2
    return wet


@cache
def _response(length: float) -> Audio:
    rng = np.random.Generator(np.random.PCG64(2026))
    t = seconds(length)[::2]
    response = rng.standard_normal((2, t.size), dtype=np.float32) * np.exp(-t * np.float32(6.9 / length))
    # High notes die sooner in a room: cross over from the bright noise to a duller one.
    dull = smooth(response, 6)
    share = np.exp(-t * np.float32(9.0 / length))
    response = response * share * np.float32(0.35) + dull * (1 - share) * np.float32(2.0)
    response[:, : int(0.006 * RATE)] = 0  # the sound itself arrives first
    return np.asarray(response / np.sqrt((response**2).sum(axis=1, keepdims=True)), np.float32)


def smooth(sound: Audio, width: int) -> Audio:
    """A running mean over `width` samples along the last axis: a cheap low-pass."""
    total = np.cumsum(sound, axis=-1, dtype=np.float64)
    out = np.array(sound)
    out[..., width:] = (total[..., width:] - total[..., :-width]) / width
    return out


def fast_size(least: int) -> int:
    """The smallest product of 2, 3 and 5 that is not less: a Fourier transform of a prime length is slow."""
    best = 1 << (least - 1).bit_length()
    for threes in (1, 3, 9, 27):
        for fives in (1, 5, 25):
            size = threes * fives
            while size < least:
                size *= 2
            best = min(best, size)
    return best
