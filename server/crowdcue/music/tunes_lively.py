"""Six lively demo tunes, written out as notes: house, chiptune, synthwave, reel, disco, dub."""

from crowdcue.music import instruments as i
from crowdcue.music.synth import Audio, Mix

_FLOOR = "x...x...x...x..."


def midnight_tram() -> Audio:
    """Deep house in F minor: ninth chords, a bass between the kicks."""
    mix = Mix(122, 64, seed=11)
    chords = ("f3 ab3 c4 eb4 g4", "f3 ab3 c4 eb4 g4", "db3 f3 ab3 c4 eb4", "eb3 g3 bb3 db4 f4")
    roots = ("f1", "f1", "db2", "eb2")
    for bar in range(15):
        at = bar * 4.0
        chord, root = chords[bar % 4], roots[bar % 4]
        mix.chord(i.pad, chord, at, 3.9, 0.09, spread=0.8, room=0.4)
        for beat in (0.75, 2.25, 3.5) if bar % 2 else (0.0, 1.5, 2.75):
            mix.chord(i.epiano, chord, at + beat, 0.4, 0.12, spread=0.5, room=0.3, echo=0.2)
        if bar >= 2:
            up = root[:-1] + str(int(root[-1]) + 1)
            mix.line(
                i.bass,
                f".:.5 {root}:.5 .:.5 {root}:.25 {up}:.25 .:.5 {root}:.5 .:.25 {up}:.25 {root}:.5",
                at,
                0.5,
                room=0.01,
            )
    mix.pump([float(beat) for beat in range(8, 60)], 0.55)
    for bar in range(15):
        at = bar * 4.0
        if bar >= 2:
            mix.pattern(i.kick(47), _FLOOR, at, 0.75, room=0.01)
        if bar >= 4:
            mix.pattern(i.clap(), "....x.......x...", at, 0.3, room=0.2)
        mix.pattern(i.hat(0.03), "-.o.-.o.-.o.-.oo", at, 0.16, 0.25)
        if bar >= 2:
            mix.pattern(i.hat(0.09), "..x...x...x...x.", at, 0.14, -0.2)
        mix.pattern(i.rim(), "...x......x..x..", at, 0.08, 0.5, 0.3)
    mix.line(
        i.bell,
        "c5:1.5 eb5:1.5 g5:1 f5:1.5 eb5:.5 c5:2 ab4:1.5 c5:1.5 eb5:1 bb4:1.5 db5:.5 f5:2 "
        "g5:1.5 ab5:1.5 g5:1 eb5:1.5 f5:.5 c5:2 eb5:1.5 f5:1.5 ab5:1 g5:1.5 f5:.5 bb4:2 "
        "c5:1.5 eb5:1.5 g5:1 f5:1.5 eb5:.5 c5:2 ab4:1.5 c5:1.5 eb5:1",
        16,
        0.12,
        0.25,
        room=0.4,
        echo=0.5,
    )
    mix.chord(i.epiano, "f2 c3 ab3 c4 eb4 g4", 60, 3.5, 0.16, strum=0.03, room=0.5, echo=0.4)
    mix.hit(i.kick(47), 60, 0.7)
    return mix.master(reverb=1.6, wet=0.8, delay=0.75, feedback=0.5)


def pixel_picnic() -> Audio:
    """Chiptune in C: two pulses, a triangle and noise."""
    mix = Mix(152, 68, seed=12, human=0.0)
    roots = ("c3", "g2", "a2", "f2", "c3", "g2", "f2", "g2")
    arps = (
        "c4 e4 g4 c5",
        "b3 d4 g4 b4",
        "c4 e4 a4 c5",
        "c4 f4 a4 c5",
        "c4 e4 g4 c5",
        "b3 d4 g4 b4",
        "c4 f4 a4 c5",
        "b3 d4 f4 g4",
    )
    for bar in range(16):
        at = bar * 4.0
        root = roots[bar % 8]
        up = root[:-1] + str(int(root[-1]) + 1)
        mix.line(i.triangle, f"{root}:.5 {up}:.5 " * 4, at, 0.5, room=0.0, hold=0.9)
        notes = arps[bar % 8].split()
        for step in range(16):
            mix.note(
                i.square,
                notes[(step * 3) % 4 if bar >= 8 else step % 4],
                at + step / 4,
                0.22,
                0.11,
                0.45,
                0.08,
            )
        mix.pattern(i.kick(60, 0.8), "x...x...x...x.x.", at, 0.5, room=0)
        mix.pattern(
            i.snare(240, 20), "....x.......x..-" if bar % 4 < 3 else "....x.....o.x.xx", at, 0.26, room=0.05
        )
        mix.pattern(i.hat(0.02), "x.o.x.o.x.o.x.o.", at, 0.12)
    theme = (
        "e5:.5 g5:.5 c6:1 b5:.5 g5:.5 e5:1 d5:.5 g5:.5 b5:1 a5:.5 g5:.5 d5:1 c5:.5 e5:.5 "
        "a5:1 g5:.5 e5:.5 c5:1 "
        "f5:.5 a5:.5 c6:1 a5:.5 g5:.5 f5:1 e5:.5 g5:.5 c6:1 d6:.5 c6:.5 g5:1 b5:.5 d6:.5 "
        "g5:1 b5:.5 a5:.5 g5:1 "
    )
    at = mix.line(
        i.pulse,
        theme + "a5:.75 a5:.75 g5:.5 f5:.5 e5:.5 d5:1 e5:.5 f5:.5 g5:1.5 .:.5 g5:.5 b5:.5",
        0,
        0.3,
        -0.2,
        room=0.12,
        echo=0.25,
        hold=0.92,
    )
    mix.line(
        i.pulse,
        theme
        + (
            "a5:.5 c6:.5 a5:.5 f5:.5 a5:.5 g5:.5 f5:.5 e5:.5 g5:.5 b5:.5 d6:.5 f6:.5 e6:.5 d6:.5 "
            "b5:.5 g5:.5 c6:2"
        ),
        at,
        0.3,
        -0.2,
        room=0.12,
        echo=0.25,
        hold=0.92,
    )
    mix.line(i.square, "c5:.25 e5:.25 g5:.25 c6:1.5", 64, 0.16, 0.4, room=0.15, echo=0.3)
    mix.note(i.triangle, "c3", 64, 1.5, 0.5)
    return mix.master(reverb=0.8, wet=0.5, delay=0.5, feedback=0.35)


def neon_coastline() -> Audio:
    """Synthwave in A minor: an arpeggio, big drums, a singing lead."""
    mix = Mix(104, 52, seed=13)
    chords = ("a3 c4 e4", "f3 a3 c4", "c4 e4 g4", "g3 b3 d4")
    roots = ("a1", "f1", "c2", "g1")
    for bar in range(12):
        at = bar * 4.0
        chord, root = chords[bar % 4], roots[bar % 4]
        mix.chord(i.strings, chord, at, 3.9, 0.09, spread=0.9, room=0.5)
        notes = [*chord.split(), chord.split()[0][:-1] + str(int(chord.split()[0][-1]) + 1)]
        for step in range(16):
            mix.note(
                i.saw,
                notes[(0, 1, 2, 3, 2, 1, 2, 3)[step % 8]],
                at + step / 4,
                0.2,
                0.11,
                (-0.6, 0.6)[step % 2],
                0.2,
                0.2,
            )
        if bar >= 2:
            mix.line(i.bass, f"{root}:.5 " * 8, at, 0.48, room=0.01, hold=0.8)
    mix.pump([float(b) for b in range(8, 48)], 0.35, 0.2)
    for bar in range(2, 12):
        at = bar * 4.0
        mix.pattern(i.kick(50), "x.....x.x......." if bar % 2 else "x.......x.....x.", at, 0.75, room=0.02)
        mix.pattern(i.snare(190, 8), "....x.......x...", at, 0.42, room=0.5)
        mix.pattern(i.hat(0.03), "x.x.x.x.x.x.x.x.", at, 0.12, 0.2)
        if bar in (3, 7, 11):
            for n, f in enumerate((196.0, 147.0, 110.0, 87.0)):
                mix.hit(i.tom(f), at + 3 + n / 4, 0.4, 0.6 - n * 0.4, 0.4)
    mix.line(
        i.lead,
        "e5:1.5 d5:.5 c5:1 e5:1 f5:2 e5:1 c5:1 g5:1.5 f5:.5 e5:1 c5:1 d5:3 b4:1 "
        "a5:1.5 g5:.5 e5:1 c5:1 f5:1.5 g5:.5 a5:1 c6:1 b5:1.5 g5:.5 e5:1 g5:1 b5:2 a5:1 g5:1",
        16,
        0.2,
        -0.1,
        room=0.5,
        echo=0.45,
    )
    mix.chord(i.strings, "a2 e3 a3 c4 e4", 48, 3.6, 0.13, spread=0.9, room=0.7)
    mix.note(i.lead, "a5", 48, 3, 0.18, -0.1, 0.6, 0.5)
    mix.note(i.bass, "a1", 48, 3, 0.45)
    mix.hit(i.kick(50), 48, 0.7)
    return mix.master(reverb=2.2, delay=0.75, feedback=0.5)


def copper_kettle() -> Audio:
    """A jig in D for whistle and strings, with a frame drum."""
    mix = Mix(348, 198, seed=14, human=0.005)
    part_a = (
        "a5:1 f#5:1 d5:1 d5:1 f#5:1 a5:1 b5:1 g5:1 e5:1 e5:2 f#5:1 g5:1 f#5:1 g5:1 a5:1 g5:1 "
        "f#5:1 e5:1 f#5:1 e5:1 c#5:2 e5:1 "
        "a5:1 f#5:1 d5:1 d5:1 f#5:1 a5:1 b5:1 g5:1 e5:1 e5:2 f#5:1 g5:1 f#5:1 e5:1 c#5:1 "
        "d5:1 e5:1 f#5:1 d5:1 d5:1 d5:3 "
    )
    part_b = (
        "d6:1 c#6:1 d6:1 a5:1 f#5:1 a5:1 b5:1 a5:1 b5:1 g5:1 e5:1 g5:1 a5:1 b5:1 a5:1 f#5:1 "
        "d5:1 f#5:1 e5:1 f#5:1 g5:1 c#5:2 a5:1 "
        "d6:1 c#6:1 d6:1 a5:1 f#5:1 a5:1 b5:1 a5:1 b5:1 g5:1 e5:1 g5:1 f#5:1 g5:1 e5:1 c#5:1 "
        "d5:1 e5:1 f#5:1 d5:1 d5:1 d5:3 "
    )
    chords_a = (
        "d3 a3 f#4",
        "e3 b3 g4",
        "g3 b3 d4",
        "a3 c#4 e4",
        "d3 a3 f#4",
        "e3 b3 g4",
        "a3 c#4 e4",
        "d3 a3 f#4",
    )
    chords_b = (
        "d3 a3 f#4",
        "g3 b3 d4",
        "d3 a3 f#4",
        "a3 c#4 e4",
        "d3 a3 f#4",
        "g3 b3 d4",
        "a3 c#4 e4",
        "d3 a3 f#4",
    )
    for bar, chord in enumerate(chords_a + chords_a + chords_b + chords_b):
        at = bar * 6.0
        low = chord.split()[0]
        mix.note(i.bass, low[:-1] + "2", at, 2.6, 0.32, room=0.05)
        mix.note(i.bass, low[:-1] + "2", at + 3, 2.0, 0.22, room=0.05)
        for beat in (0, 2, 3, 5):
            mix.chord(i.pluck, chord, at + beat, 1.2, 0.16 if beat % 3 == 0 else 0.1, strum=0.05, spread=0.5)
        if bar >= 8:
            mix.hit(i.tom(92), at, 0.38, -0.2, 0.2)
            mix.hit(i.tom(120), at + 3, 0.26, -0.2, 0.2)
            for beat in (2, 5):
                mix.hit(i.tom(150), at + beat, 0.12, 0.1, 0.2)
            mix.hit(i.shaker(), at + 3, 0.2, 0.4)
        if bar >= 16:
            mix.chord(i.strings, chord, at, 5.8, 0.05, spread=0.8, room=0.4)
    mix.line(i.flute, part_a * 2 + part_b * 2, 0, 0.26, 0.15, room=0.3, echo=0.1)
    mix.line(i.pluck, part_a.replace("5:", "4:").replace("6:", "5:"), 48, 0.2, -0.35)
    mix.line(i.strings, part_b.replace("5:", "4:").replace("6:", "5:"), 144, 0.11, -0.35, room=0.3)
    mix.chord(i.pluck, "d2 a2 d3 a3 d4 f#4 a4", 192, 5, 0.25, strum=0.15, room=0.4)
    mix.note(i.flute, "d5", 192, 4, 0.24, 0.15, 0.4)
    return mix.master(reverb=1.5, wet=0.8, delay=3.0, feedback=0.25)


def velvet_elevator() -> Audio:
    """Disco in E minor: octave bass, wah-less clavinet, strings that sweep up."""
    mix = Mix(116, 60, seed=15)
    roots = ("e1", "a1", "d2", "g1", "c2", "f#1", "b1", "b1")
    chords = (
        "e3 g3 b3 d4",
        "e3 g3 c4 a3",
        "f#3 a3 c4 d4",
        "f#3 g3 b3 d4",
        "e3 g3 b3 c4",
        "e3 f#3 a3 c4",
        "f#3 a3 b3 d#4",
        "f#3 a3 b3 d#4",
    )
    for bar in range(14):
        at = bar * 4.0
        n = bar % 8
        root = roots[n]
        up = root[:-1] + str(int(root[-1]) + 1)
        mix.line(
            i.bass,
            f"{root}:.5 {up}:.5 {root}:.5 {up}:.5 {root}:.5 {up}:.5 {root}:.25 {root}:.25 {up}:.5",
            at,
            0.5,
            room=0.01,
            hold=0.85,
        )
        for step, char in enumerate("..x.o..x..x.o.x."):
            if char != ".":
                mix.chord(
                    i.saw,
                    chords[n].replace("4", "5").replace("3", "4"),
                    at + step / 4,
                    0.12,
                    0.085 if char == "x" else 0.05,
                    spread=0.4,
                    room=0.12,
                )
        mix.chord(i.epiano, chords[n], at, 3.6, 0.09, spread=0.5, room=0.25)
        if bar >= 1:
            mix.pattern(i.kick(52), _FLOOR, at, 0.62, room=0.01)
            mix.pattern(
                i.snare(200, 13), "....x.......x..." if n != 7 else "....x.......x.xx", at, 0.3, room=0.15
            )
            mix.pattern(i.clap(), "....x.......x...", at, 0.14, room=0.25)
            mix.pattern(i.hat(0.025), "x-o-x-o-x-o-x-o-", at, 0.12, 0.3)
            mix.pattern(i.hat(0.08), "..x...x...x...x.", at, 0.13, 0.3)
    mix.line(
        i.strings,
        (
            ".:4 e5:.5 g5:.5 a5:1 c6:2 a5:2 f#5:2 .:.5 b5:.5 a5:.5 g5:.5 f#5:.5 g5:.5 d5:1 e5:3 "
            "g5:1 f#5:3 e5:1 d#5:2 f#5:2 "
            "a5:1 b5:1 d#6:2 e6:3 d6:.5 b5:.5 c6:3 a5:1 d6:2 c6:1 a5:1 b5:3 g5:1 c6:1 b5:1 a5:1 g5:1 f#5:1 a5:2 .:1"
        ),
        0,
        0.15,
        0.1,
        room=0.5,
        echo=0.2,
    )
    mix.chord(i.epiano, "e2 b2 g3 b3 d4 f#4", 56, 3.5, 0.14, room=0.4)
    mix.chord(i.strings, "e4 b4 g5", 56, 2, 0.08, room=0.6)
    mix.note(i.bass, "e1", 56, 2, 0.5)
    mix.hit(i.kick(52), 56, 0.6)
    return mix.master(reverb=1.5, wet=0.8, delay=0.5, feedback=0.3)


def dub_garden() -> Audio:
    """Dub reggae in G minor: the offbeat, a deep bass, long echoes."""
    mix = Mix(74, 36, seed=16, swing=0.04, human=0.008)
    chords = ("g3 bb3 d4", "g3 bb3 d4", "c4 eb4 g4", "f3 a3 d4")
    basses = (
        "g1:1 .:.5 g1:.5 bb1:.5 c2:.5 d2:1",
        "g1:1 .:.5 f1:.5 g1:1 .:1",
        "c2:1 .:.5 c2:.5 eb2:.5 d2:.5 c2:1",
        "d2:1 .:.5 c2:.5 bb1:.5 a1:.5 f1:1",
    )
    for bar in range(8):
        at = bar * 4.0
        for beat in (1, 3):
            echo = 0.5 if bar % 4 == 3 and beat == 3 else 0.08
            mix.chord(i.organ, chords[bar % 4], at + beat, 0.22, 0.17, spread=0.4, room=0.25, echo=echo)
            mix.chord(
                i.pluck, chords[bar % 4].replace("4", "5").replace("3", "4"), at + beat, 0.2, 0.11, spread=0.6
            )
        for half in (0.5, 1.5, 2.5, 3.5):
            mix.chord(i.organ, chords[bar % 4], at + half, 0.12, 0.06, spread=0.3)
        if bar >= 1:
            mix.line(i.sub, basses[bar % 4], at, 0.62, room=0.0)
            mix.pattern(i.kick(45), "........x.......", at, 0.8, room=0.03)
            mix.hit(i.rim(), at + 2, 0.28, 0.1, 0.4, 0.5 if bar % 2 else 0.1)
            mix.pattern(i.hat(0.035), "x.o.x.oox.o.x.o.", at, 0.14, 0.35)
            if bar in (4, 7):
                mix.hit(i.snare(200, 12), at + 3.5, 0.3, -0.3, 0.5, 0.8)
    mix.line(
        i.flute,
        ".:4 d5:1 f5:.5 g5:1.5 .:1 bb5:.5 g5:.5 eb5:1 d5:.5 c5:1 .:.5 d5:.5 c5:.5 a4:1 .:2 "
        "g4:.5 bb4:.5 d5:1 f5:.5 d5:1 .:.5 g5:1 f5:.5 d5:1.5 .:1 eb5:.5 g5:.5 c6:1 bb5:.5 "
        "g5:1 .:.5 a5:.5 f5:.5 d5:2",
        0,
        0.2,
        -0.2,
        room=0.4,
        echo=0.55,
    )
    mix.chord(i.organ, "g3 bb3 d4", 32, 0.4, 0.2, spread=0.5, room=0.5, echo=0.9)
    mix.note(i.sub, "g1", 32, 3, 0.6)
    mix.hit(i.rim(), 33, 0.25, 0.3, 0.5, 0.9)
    return mix.master(reverb=1.8, wet=0.9, delay=0.75, feedback=0.62)
