"""The instruments of the demo tunes: each is a function from pitch and length to samples, without a click at
either end."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from crowdcue.music.synth import RATE, Audio, seconds, smooth

_TABLE = 2048
_TAU = np.float32(2 * np.pi)


def _partials(frequency: float, levels: NDArray[np.float64]) -> Audio:
    """One cycle of a wave with these levels of its partials, none of them above what the sample rate can
    hold."""
    count = min(len(levels), int(RATE * 0.45 / frequency), _TABLE // 2 - 1)
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[1 : count + 1] = -0.5j * _TABLE * levels[:count]
    return np.asarray(np.fft.irfft(spectrum, _TABLE), np.float32)


def _wave(table: Audio, frequency: float, t: Audio, vibrato: float = 0.0) -> Audio:
    turns = t.astype(np.float64) * frequency
    if vibrato:
        # The pitch wavers more as the note goes on, as players do.
        depth = vibrato * np.minimum(t * 2, 1.0)
        turns += depth * frequency / (2 * np.pi * 5.2) * np.sin(_TAU * np.float32(5.2) * t)
    return np.asarray(table[(turns * _TABLE).astype(np.int64) & (_TABLE - 1)], np.float32)


def _envelope(t: Audio, attack: float, decay: float, sustain: float, release: float) -> Audio:
    """Rise, fall to a share of the top, and a release at the end of the sound, all in seconds."""
    length = float(t[-1]) if t.size else 0.0
    env = np.minimum(t / np.float32(attack), 1) * (
        sustain + (1 - sustain) * np.exp(-np.maximum(t - attack, 0) / np.float32(decay))
    )
    tail = np.clip((np.float32(length) - t) / np.float32(min(release, max(length, 1e-3))), 0, 1)
    return np.asarray(env * tail * tail * (3 - 2 * tail), np.float32)


def _levels(count: int, fall: float) -> NDArray[np.float64]:
    return 1.0 / np.arange(1, count + 1, dtype=np.float64) ** fall


def epiano(frequency: float, length: float) -> Audio:
    """An electric piano: one sine bent by another, the tine ringing high above."""
    t = seconds(length + 0.35)
    bend = np.exp(-t * 3) * np.float32(1.5) * np.float32(min(1.0, 300 / frequency + 0.3))
    body = np.sin(_TAU * np.float32(frequency) * t + bend * np.sin(_TAU * np.float32(frequency) * t))
    tine = np.sin(_TAU * np.float32(min(frequency * 7, 11_000)) * t) * np.exp(-t * 22) * np.float32(0.12)
    return np.asarray((body + tine) * _envelope(t, 0.004, 1.1, 0.12, 0.3), np.float32)


def pluck(frequency: float, length: float) -> Audio:
    """A nylon string: bright when plucked, then round."""
    t = seconds(max(length, 0.25) + 0.5)
    bright = _partials(frequency, _levels(24, 1.1) * np.abs(np.sin(np.arange(1, 25) * np.pi * 0.21)))
    round_ = _partials(frequency, _levels(6, 2.2))
    fade = np.exp(-t * np.float32(7 + frequency / 160))
    sound = _wave(round_, frequency, t) * np.exp(-t * np.float32(1.6 + frequency / 500))
    return np.asarray(
        (sound + _wave(bright, frequency, t) * fade) * _envelope(t, 0.002, 9, 1, 0.35) * np.float32(0.8),
        np.float32,
    )


def marimba(frequency: float, length: float) -> Audio:
    """Wood: the tone, its fourth and tenth partial; it dies away soon, however long the note."""
    t = seconds(min(0.9, length + 0.7))
    f = np.float32(frequency)
    sound = np.sin(_TAU * f * t) * np.exp(-t * 5) + np.float32(0.28) * np.sin(_TAU * 4 * f * t) * np.exp(
        -t * 16
    )
    if frequency * 9.9 < RATE * 0.45:
        sound += np.float32(0.1) * np.sin(_TAU * np.float32(9.9) * f * t) * np.exp(-t * 45)
    return np.asarray(sound * _envelope(t, 0.003, 9, 1, 0.2), np.float32)


def bell(frequency: float, length: float) -> Audio:
    """A glassy bell that rings on."""
    t = seconds(length + 1.6)
    f = np.float32(frequency)
    bend = np.exp(-t * 2.2) * np.float32(1.1)
    sound = np.sin(_TAU * f * t + bend * np.sin(_TAU * np.float32(3.5) * f * t))
    return np.asarray(sound * np.exp(-t * 1.7) * _envelope(t, 0.003, 9, 1, 0.6), np.float32)


def music_box(frequency: float, length: float) -> Audio:
    """A small comb of steel."""
    t = seconds(length + 1.0)
    f = np.float32(frequency)
    sound = np.sin(_TAU * f * t) * np.exp(-t * 3.2) + np.float32(0.3) * np.sin(
        _TAU * np.float32(3.01) * f * t
    ) * np.exp(-t * 9)
    return np.asarray(sound * _envelope(t, 0.002, 9, 1, 0.5), np.float32)


def pad(frequency: float, length: float) -> Audio:
    """Slow strings: three voices a little apart in pitch."""
    t = seconds(length + 0.8)
    table = _partials(frequency, _levels(14, 1.7))
    sound = (
        _wave(table, frequency, t) + _wave(table, frequency * 1.0035, t) + _wave(table, frequency * 0.9967, t)
    )
    rise = min(0.9, length * 0.4)
    return sound * _envelope(t, rise, 9, 1, 1.2) * np.float32(0.4)


def strings(frequency: float, length: float) -> Audio:
    """Brighter strings with a quicker bow."""
    t = seconds(length + 0.3)
    table = _partials(frequency, _levels(26, 1.25))
    sound = (
        _wave(table, frequency, t) + _wave(table, frequency * 1.005, t) + _wave(table, frequency * 0.995, t)
    )
    return sound * _envelope(t, min(0.12, length * 0.4), 9, 1, 0.35) * np.float32(0.3)


def organ(frequency: float, length: float) -> Audio:
    """Drawbars and a turning loudspeaker."""
    t = seconds(length + 0.08)
    levels = np.zeros(16)
    levels[[0, 1, 2, 3, 5, 7]] = (1.0, 0.7, 0.45, 0.3, 0.12, 0.12)
    sound = _wave(_partials(frequency, levels), frequency, t, vibrato=0.004)
    turn = 1 - np.float32(0.12) * np.sin(_TAU * np.float32(5.6) * t)
    return np.asarray(sound * turn * _envelope(t, 0.012, 9, 1, 0.09) * np.float32(0.5), np.float32)


def flute(frequency: float, length: float) -> Audio:
    """A breathy whistle with vibrato."""
    t = seconds(length + 0.06)
    levels = np.array([1.0, 0.28, 0.12, 0.05, 0.02])
    return _wave(_partials(frequency, levels), frequency, t, 0.009) * _envelope(t, 0.045, 0.5, 0.8, 0.1)


def lead(frequency: float, length: float) -> Audio:
    """A synthesiser's singing voice."""
    t = seconds(length + 0.1)
    table = _partials(frequency, _levels(20, 1.15))
    dull = _partials(frequency, _levels(5, 1.8))
    sound = _wave(table, frequency, t, 0.006) * np.float32(0.45) + _wave(dull, frequency * 1.004, t, 0.006)
    return sound * _envelope(t, 0.02, 0.6, 0.7, 0.12) * np.float32(0.6)


def saw(frequency: float, length: float) -> Audio:
    """A short, bright synthesiser note for arpeggios and stabs."""
    t = seconds(length + 0.12)
    bright = _partials(frequency, _levels(40, 1.0))
    dull = _partials(frequency, _levels(8, 1.6))
    share = np.exp(-t * 9)
    sound = (_wave(bright, frequency, t) + _wave(bright, frequency * 1.006, t)) * share * np.float32(0.35)
    return (sound + _wave(dull, frequency, t) * np.float32(0.5)) * _envelope(t, 0.004, 0.3, 0.35, 0.12)


def pulse(frequency: float, length: float) -> Audio:
    """A game console's voice: a quarter-width pulse."""
    t = seconds(length)
    levels = _levels(40, 1.0) * np.sin(np.arange(1, 41) * np.pi * 0.25)
    return _wave(_partials(frequency, levels), frequency, t, 0.005) * _envelope(t, 0.003, 0.2, 0.55, 0.03)


def square(frequency: float, length: float) -> Audio:
    """Its second voice: a square wave."""
    t = seconds(length)
    levels = _levels(40, 1.0) * (np.arange(1, 41) % 2)
    return _wave(_partials(frequency, levels), frequency, t) * _envelope(t, 0.003, 0.12, 0.4, 0.02)


def triangle(frequency: float, length: float) -> Audio:
    """Its bass: a triangle wave."""
    t = seconds(length)
    levels = _levels(30, 2.0) * (np.arange(1, 31) % 2)
    return _wave(_partials(frequency, levels), frequency, t) * _envelope(t, 0.003, 9, 1, 0.02)


def bass(frequency: float, length: float) -> Audio:
    """A round electric bass; some of it sounds an octave above, for small loudspeakers."""
    t = seconds(length + 0.08)
    bright = _partials(frequency, _levels(12, 1.3))
    dull = _partials(frequency, np.array([1.0, 0.45, 0.12]))
    sound = _wave(dull, frequency, t) + _wave(bright, frequency, t) * np.exp(-t * 9) * np.float32(0.6)
    return sound * _envelope(t, 0.005, 0.9, 0.45, 0.08)


def sub(frequency: float, length: float) -> Audio:
    """A deep bass that is nearly a sine."""
    t = seconds(length + 0.1)
    return _wave(_partials(frequency, np.array([1.0, 0.22, 0.1])), frequency, t) * _envelope(
        t, 0.008, 2, 0.7, 0.1
    )


@cache
def kick(deep: float = 48.0, punch: float = 1.0) -> Audio:
    """A bass drum: a tone that falls in pitch."""
    t = seconds(0.42)
    phase = deep * t + 5.5 * punch * (1 - np.exp(-t * 32))
    body = np.sin(_TAU * phase) * np.exp(-t * 8)
    return np.asarray(body * _envelope(t, 0.002, 9, 1, 0.1), np.float32)


def _noise(length: float, seed: int) -> Audio:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(int(length * RATE), dtype=np.float32)


@cache
def snare(tone: float = 185.0, sizzle: float = 13.0) -> Audio:
    """A snare drum; more `sizzle`, shorter."""
    t = seconds(0.3)
    noise = _noise(0.3, 11)
    noise = noise - smooth(noise, 20)
    sound = noise * np.exp(-t * np.float32(sizzle)) * np.float32(0.4)
    sound += np.sin(_TAU * np.float32(tone) * t) * np.exp(-t * 22) * np.float32(0.7)
    return np.asarray(smooth(sound, 2) * _envelope(t, 0.001, 9, 1, 0.08), np.float32)


@cache
def clap() -> Audio:
    """Several hands, not quite together."""
    t = seconds(0.28)
    noise = smooth(_noise(0.28, 12), 3)
    noise = noise - smooth(noise, 24)
    env = sum(np.where(t > d, np.exp(-np.maximum(t - d, 0) * 90), 0) for d in (0.0, 0.011, 0.022))
    env = env * np.float32(0.7) + np.where(t > 0.03, np.exp(-np.maximum(t - 0.03, 0) * 17), 0)
    return np.asarray(noise * env * _envelope(t, 0.001, 9, 1, 0.08) * np.float32(0.7), np.float32)


@cache
def hat(length: float = 0.06) -> Audio:
    """A hi-hat: the top of noise, closed (short) or open (long)."""
    t = seconds(length * 3)
    noise = np.diff(_noise(length * 3, 13), prepend=np.float32(0))
    noise = np.diff(noise, prepend=np.float32(0))
    sound = noise * np.exp(-t / np.float32(length)) * _envelope(t, 0.001, 9, 1, length)
    return np.asarray(sound * np.float32(0.16), np.float32)


@cache
def shaker() -> Audio:
    """A shaker: noise with a soft edge."""
    t = seconds(0.11)
    noise = np.diff(_noise(0.11, 14), prepend=np.float32(0))
    return np.asarray(noise * np.sin(np.pi * t / np.float32(0.11)) ** 2 * np.float32(0.3), np.float32)


@cache
def brush() -> Audio:
    """A brush on a snare drum."""
    t = seconds(0.24)
    noise = smooth(_noise(0.24, 15), 2)
    noise = noise - smooth(noise, 30)
    return np.asarray(noise * _envelope(t, 0.03, 0.07, 0.0, 0.1) * np.float32(0.4), np.float32)


@cache
def rim() -> Audio:
    """A stick on the rim."""
    t = seconds(0.09)
    sound = np.sin(_TAU * 1720 * t) * np.exp(-t * 75) + np.sin(_TAU * 840 * t) * np.exp(-t * 60) * np.float32(
        0.7
    )
    return np.asarray(sound * _envelope(t, 0.001, 9, 1, 0.03) * np.float32(0.6), np.float32)


@cache
def tom(frequency: float = 110.0) -> Audio:
    """A drum with a pitch."""
    t = seconds(0.5)
    phase = frequency * t + 1.6 * (1 - np.exp(-t * 24))
    return np.asarray(np.sin(_TAU * phase) * np.exp(-t * 8) * _envelope(t, 0.002, 9, 1, 0.15), np.float32)


@cache
def crackle(length: float, seed: int) -> Audio:
    """The dust on an old record."""
    rng = np.random.Generator(np.random.PCG64(seed))
    sound = np.zeros(int(length * RATE), np.float32)
    spots = rng.integers(0, sound.size - 40, int(length * 9))
    for spot, size in zip(spots.tolist(), rng.uniform(0.05, 0.4, spots.size).tolist(), strict=True):
        sound[spot : spot + 12] += np.float32(size) * np.hanning(12).astype(np.float32)
    hiss = rng.standard_normal(sound.size, dtype=np.float32)
    return sound + (hiss - smooth(hiss, 5)) * np.float32(0.006)
