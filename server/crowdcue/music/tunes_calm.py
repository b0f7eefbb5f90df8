"""Six quiet demo tunes, written out as notes: lo-fi, waltz, ambient, bossa nova, soul, minimal."""

from crowdcue.music import instruments as i
from crowdcue.music.synth import Audio, Mix


def sunday_pancakes() -> Audio:
    """Lo-fi hip hop in E flat, swung, with the dust of a record."""
    mix = Mix(78, 36, seed=1, swing=0.09, human=0.009)
    chords = (
        "ab2 eb3 g3 c4",
        "g2 d3 f3 bb3",
        "f2 c3 eb3 ab3",
        "bb2 d3 ab3 c4",
        "eb2 d3 g3 bb3",
        "c3 eb3 g3 d4",
        "f2 c3 eb3 g3",
        "bb2 ab3 c4 eb4",
    )
    roots = ("ab1", "g1", "f1", "bb1", "eb2", "c2", "f1", "bb1")
    for bar, (chord, root) in enumerate(zip(chords, roots, strict=True)):
        at = bar * 4.0
        mix.chord(i.epiano, chord, at, 1.9, 0.17, strum=0.03, room=0.3)
        mix.chord(i.epiano, chord, at + 2.5, 1.2, 0.12, strum=0.02, room=0.3)
        mix.line(i.bass, f"{root}:1.5 .:.5 {root}:.5 .:.5 {root}:1", at, 0.42, room=0.02)
        if bar:
            mix.pattern(i.kick(46), "x......o..x.....", at, 0.7, room=0.02)
            mix.pattern(i.snare(175, 15), "....x.......x..-", at, 0.3)
            mix.pattern(i.hat(0.035), "x.o.x.o.x.o.x.oo", at, 0.14, 0.3)
    mix.line(
        i.music_box,
        (
            "eb5:1 c5:.5 bb4:1.5 .:1 d5:1 bb4:.5 g4:1.5 .:1 c5:.5 eb5:.5 g5:1 f5:.5 eb5:.5 c5:1 "
            "d5:1.5 c5:.5 bb4:2 "
            "g5:1 f5:.5 eb5:1.5 .:1 eb5:1 d5:.5 c5:1.5 .:1 ab4:.5 c5:.5 eb5:1 d5:.5 c5:.5 ab4:1 "
            "bb4:1 f5:1 d5:1.5 .:.5"
        ),
        0,
        0.22,
        0.2,
        room=0.4,
        echo=0.35,
    )
    mix.chord(i.epiano, "eb2 bb2 g3 d4 f4", 32, 4, 0.2, strum=0.06, room=0.4)
    mix.note(i.bass, "eb1", 32, 3, 0.4)
    mix.note(i.music_box, "bb5", 32.5, 3, 0.2, 0.2, 0.5, 0.4)
    mix.hit(i.crackle(29.0, 3), 0, 0.3, room=0.0)
    return mix.master(reverb=1.2, wet=0.7)


def paper_lanterns() -> Audio:
    """A waltz in A minor for music box, strings and plucked bass."""
    mix = Mix(138, 75, seed=2)
    progression = (
        ("a2", "e4 a4 c5"),
        ("f2", "f4 a4 c5"),
        ("c3", "e4 g4 c5"),
        ("g2", "d4 g4 b4"),
        ("a2", "e4 a4 c5"),
        ("f2", "f4 a4 c5"),
        ("e2", "e4 g#4 b4"),
        ("e2", "d4 g#4 b4"),
        ("f2", "f4 a4 c5"),
        ("g2", "d4 g4 b4"),
        ("c3", "e4 g4 c5"),
        ("a2", "e4 a4 c5"),
        ("d3", "f4 a4 d5"),
        ("e2", "e4 g#4 b4"),
        ("a2", "e4 a4 c5"),
        ("e2", "d4 g#4 b4"),
    )
    for bar, (low, chord) in enumerate(progression + progression[:8]):
        at = bar * 3.0
        mix.note(i.pluck, low, at, 2.5, 0.5, -0.1, room=0.15)
        for beat in (1, 2):
            mix.chord(i.pluck, chord, at + beat, 0.7, 0.13, strum=0.02, spread=0.6)
        if bar >= 8:
            mix.chord(i.pad, chord, at, 2.6, 0.075, room=0.5)
            mix.hit(i.brush(), at + 1, 0.3, 0.3)
            mix.hit(i.brush(), at + 2, 0.24, 0.3)
    theme = (
        "e5:2 a5:1 g5:.5 f5:.5 e5:1 c5:1 e5:2 g5:1 d5:3 c5:2 e5:1 a5:1 g5:.5 f5:.5 e5:1 b4:2 "
        "c5:.5 d5:.5 e5:3 "
    )
    answer = (
        "f5:1 e5:.5 f5:.5 a5:1 g5:2 d5:1 e5:1 d5:.5 e5:.5 g5:1 c5:3 d5:1 f5:1 a5:1 g#5:2 "
        "e5:1 a5:2 .:1 b4:2 .:1 "
    )
    at = mix.line(i.music_box, theme, 0, 0.34, 0.15, room=0.4, echo=0.2)
    at = mix.line(i.flute, answer, at, 0.24, -0.15, room=0.4, echo=0.15)
    mix.line(i.flute, theme, at, 0.2, -0.15, room=0.4, echo=0.15)
    mix.line(i.music_box, theme, at, 0.3, 0.2, room=0.4, echo=0.2)
    mix.chord(i.pluck, "a2 e3 a3 c4 e4 a4", 72, 3, 0.28, strum=0.12, room=0.4)
    mix.note(i.music_box, "a5", 72.8, 3, 0.3, 0.1, 0.5)
    return mix.master(reverb=1.9, delay=1.0, feedback=0.35)


def low_tide() -> Audio:
    """Ambient: slow chords like waves, a few bells above them."""
    mix = Mix(60, 32, seed=3, human=0.02)
    chords = ("d2 a2 f#3 c#4 e4", "b1 f#2 d3 a3 c#4", "g1 d2 b2 f#3 a3", "a1 e2 b2 d3 f#3")
    for turn in range(2):
        for n, chord in enumerate(chords):
            mix.chord(i.pad, chord, turn * 14.0 + n * 3.5, 3.6, 0.22, spread=0.6, room=0.4)
    mix.chord(i.pad, "d2 a2 f#3 a3 e4", 28, 3.5, 0.24, spread=0.6, room=0.45)
    mix.note(i.sub, "d1", 28, 3, 0.25)
    mix.line(
        i.bell,
        ".:1 f#5:1.5 e5:1 c#5:1.5 .:1 a4:1 d5:1.5 f#5:1 .:.5 b5:1.5 a5:1 f#5:1.5 e5:1 .:1 "
        "a5:1 f#5:1.5 e5:1 .:.5 c#6:1.5 a5:1.5 f#5:1 .:1 d5:1 e5:1 f#5:1.5 a5:1.5",
        1,
        0.12,
        0.3,
        room=0.7,
        echo=0.6,
    )
    for n in range(16):
        mix.note(
            i.epiano,
            ("d5", "a5", "e5", "f#5")[n % 4],
            n * 1.75 + 0.9,
            0.7,
            0.04,
            -0.5 + n % 3 * 0.5,
            0.6,
            0.6,
        )
    for n in range(8):
        mix.note(i.sub, ("d2", "b1", "g1", "a1")[n % 4], n * 3.5, 3.2, 0.22, room=0.1)
    return mix.master(reverb=3.2, wet=0.9, delay=0.75, feedback=0.6)


def rua_das_flores() -> Audio:
    """A bossa nova in F: nylon strings, a soft bass, shaker and rim."""
    mix = Mix(132, 68, seed=4, human=0.008)
    bars = (
        ("f2", "c2", "a3 c4 e4 g4"),
        ("f2", "c2", "a3 c4 e4 g4"),
        ("g2", "d2", "b3 d4 e4 a4"),
        ("g2", "d2", "b3 d4 f4 a4"),
        ("g2", "d2", "bb3 d4 f4 a4"),
        ("c2", "g2", "bb3 d4 e4 a4"),
        ("f2", "c2", "a3 c4 e4 g4"),
        ("f#2", "c2", "bb3 c4 e4 a4"),
    )
    for bar, (root, fifth, chord) in enumerate(bars * 2):
        at = bar * 4.0
        mix.line(i.bass, f"{root}:1.5 {fifth}:.5 {fifth}:1.5 {root}:.5", at, 0.4, room=0.03)
        for beat, strength in (
            ((0, 1.0), (1, 0.7), (2.5, 1.0), (3.5, 0.8)) if bar % 2 else ((0.5, 0.8), (1.5, 1.0), (3, 0.9))
        ):
            mix.chord(i.pluck, chord, at + beat, 0.55, 0.17 * strength, strum=0.012, spread=0.35)
        mix.pattern(i.shaker(), "x-o-x-o-x-o-x-o-", at, 0.13, 0.5)
        if bar >= 4:
            mix.pattern(i.rim(), "x..x..x...x..x.." if bar % 2 else "x..x..x...x...x.", at, 0.13, -0.4, 0.15)
        mix.pattern(i.kick(50, 0.5), "x.....ox......o.", at, 0.22, room=0.01)
    mix.line(
        i.flute,
        ".:1 c5:1 e5:1 g5:1 a5:1.5 g5:.5 e5:2 .:1 d5:1 e5:1 a5:1 b5:1.5 a5:.5 f5:2 "
        ".:.5 a5:1 g5:.5 f5:1 d5:1 e5:1.5 d5:.5 bb4:2 c5:1.5 e5:.5 g5:2 a5:1.5 g5:.5 e5:2",
        0,
        0.28,
        0.15,
        room=0.3,
        echo=0.15,
    )
    mix.line(
        i.epiano,
        (
            "g5:.5 a5:.5 g5:.5 e5:.5 c5:1 .:1 e5:.5 g5:.5 e5:.5 c5:.5 a4:1 .:1 b4:.5 d5:.5 e5:.5 "
            "a5:.5 b5:1 .:1 a5:.5 f5:.5 "
            "d5:.5 b4:.5 a4:1 .:1 bb4:.5 d5:.5 f5:.5 a5:.5 c6:1 bb5:1 a5:.5 g5:.5 e5:.5 d5:.5 "
            "bb4:1 .:1 c5:1 e5:1 g5:1.5 e5:.5 c5:3 .:1"
        ),
        32,
        0.2,
        0.2,
        room=0.3,
        echo=0.2,
    )
    mix.chord(i.pluck, "f2 c3 a3 e4 g4 c5", 64, 3.5, 0.24, strum=0.07, room=0.3)
    return mix.master(reverb=1.1, wet=0.7, delay=1.5, feedback=0.35)


def last_bus_home() -> Audio:
    """Slow soul in six-eight: organ, bass, brushes, a bell for the tears."""
    mix = Mix(184, 84, seed=5, human=0.01)
    bars = (
        ("c2", "g3 c4 e4"),
        ("e2", "g#3 b3 e4"),
        ("a1", "a3 c4 e4"),
        ("f2", "a3 c4 f4"),
        ("c2", "g3 c4 e4"),
        ("a1", "a3 c4 e4"),
        ("d2", "a3 c4 f4"),
        ("g1", "b3 d4 f4"),
        ("c2", "g3 c4 e4"),
        ("e2", "g#3 b3 e4"),
        ("f2", "a3 c4 f4"),
        ("f2", "ab3 c4 f4"),
        ("g1", "g3 b3 d4"),
    )
    for bar, (root, chord) in enumerate(bars):
        at = bar * 6.0
        mix.chord(i.organ, chord, at, 5.8, 0.13, spread=0.4, room=0.35)
        mix.line(i.bass, f"{root}:3.5 {root}:.5 {root}:2", at, 0.42, room=0.03)
        for beat, name in enumerate([*chord.split(), *reversed(chord.split())]):
            mix.note(i.epiano, name.replace("4", "5").replace("3", "4"), at + beat, 1.2, 0.09, 0.4, 0.3)
        if bar:
            mix.hit(i.kick(48), at, 0.5, room=0.02)
            mix.hit(i.snare(180, 12), at + 3, 0.24, room=0.25)
            for beat in range(6):
                mix.hit(i.hat(0.03), at + beat, 0.1 if beat % 3 else 0.14, 0.35)
            mix.hit(i.brush(), at + 5, 0.2, -0.3)
    mix.line(
        i.lead,
        (
            ".:3 g4:1 c5:1 d5:1 e5:4 d5:1 b4:1 c5:3 a4:3 .:1 a4:1 c5:1 f5:1 e5:1 c5:1 e5:3 g5:3 "
            "e5:2 d5:1 c5:3 d5:3 f5:2 "
            "a5:1 g5:4 f5:1 d5:1 g5:3 e5:3 e5:2 d5:1 b4:3 c5:3 f5:2 a5:1 ab5:4 f5:1 c5:1 d5:3 b4:3"
        ),
        0,
        0.2,
        -0.15,
        room=0.45,
        echo=0.25,
    )
    mix.chord(i.organ, "c3 g3 c4 e4 g4", 78, 5.5, 0.13, spread=0.5, room=0.5)
    mix.chord(i.bell, "c5 g5 e6", 78, 4, 0.1, strum=0.5, room=0.6)
    mix.note(i.bass, "c2", 78, 5, 0.4)
    return mix.master(reverb=2.0, delay=2.0, feedback=0.35)


def glass_staircase() -> Audio:
    """Minimal: marimbas in patterns of different lengths that drift apart and meet again."""
    mix = Mix(126, 64, seed=6, human=0.003)
    first = ("e4", "b4", "f#4", "c#5", "d5", "b4", "f#4", "a4")
    second = ("e5", "b4", "c#5", "a4", "f#5", "d5")
    for step in range(120):
        at = step / 2
        mix.note(i.marimba, first[step % 8], at, 0.4, 0.24 if step % 8 else 0.3, -0.5, 0.2)
        if step >= 16:
            mix.note(i.marimba, second[step % 6], at, 0.4, 0.2, 0.5, 0.2)
        if step >= 48 and step % 3 == 0:
            mix.note(
                i.music_box, ("b5", "f#5", "a5", "e6", "d6")[step // 3 % 5], at, 0.6, 0.11, 0.1, 0.4, 0.3
            )
    for n, (low, chord) in enumerate(
        (("e2", "b3 e4 g4"), ("d2", "a3 d4 f#4"), ("g2", "b3 d4 f#4"), ("a2", "a3 c#4 e4")) * 2
    ):
        if n >= 1:
            mix.note(i.bass, low, n * 7.5, 3.6, 0.3, room=0.05)
            mix.note(i.bass, low, n * 7.5 + 4, 3.2, 0.24, room=0.05)
        if n >= 3:
            mix.chord(i.strings, chord, n * 7.5, 7.4, 0.055, spread=0.7, room=0.5)
    mix.chord(i.marimba, "e3 b3 e4 b4 f#5", 60, 2, 0.28, strum=0.05, room=0.4)
    mix.note(i.bass, "e2", 60, 3, 0.3)
    return mix.master(reverb=1.7, wet=0.9, delay=1.5, feedback=0.4)
