"""The covers of the six quiet demo tunes, one small picture each, drawn on a canvas."""

import numpy as np

from crowdcue.music.canvas import Canvas, ramp


def sunday_pancakes() -> bytes:
    """A stack of pancakes in morning light."""
    c = Canvas(2)
    c.gradient(("ffe9c7", "ffd39b", "f8b27a"), 0.3, 1)
    c.disc(0.0, -0.2, 0.66, "fff3dc", 0.75, 3)
    c.light(0.0, -0.2, 0.7, "fff8e8", 0.5)
    c.disc(0, 0.66, 0.16, "c4713e", 0.25, 60, 4.4)
    c.disc(0, 0.62, 0.15, "fff7ea", 1, 2, 5.2)
    c.disc(0, 0.605, 0.135, "f3dcc0", 1, 2, 5.0)
    for n in range(6):
        y = 0.53 - n * 0.135
        x = (0.03, -0.035, 0.02, -0.01, 0.035, -0.02)[n]
        c.slab(x, y, 0.54, 0.088, "9a4d1f", 1, 0.086)
        c.slab(
            x,
            y - 0.014,
            0.54,
            0.078,
            "e9a356",
            1,
            0.076,
        )
        c.slab(x, y - 0.022, 0.525, 0.052, "f6c67f", 0.85, 0.05, 6)
    top = -0.225
    c.disc(0, top, 0.135, "c2692b", 1, 2, 3.9)
    c.disc(0, top - 0.012, 0.122, "e08a3a", 1, 2, 3.9)
    syrup = "8a3a10"
    for x, length in ((-0.36, 0.3), (-0.14, 0.52), (0.17, 0.38), (0.37, 0.62)):
        c.stroke(x, top + 0.03, x, top + length, 0.085, syrup, 0.93)
        c.stroke(x - 0.018, top + 0.1, x - 0.018, top + length - 0.02, 0.014, "e9a05c", 0.7)
    c.disc(0, top, 0.105, syrup, 0.95, 2, 4.1)
    c.disc(-0.1, top - 0.035, 0.03, "d98544", 0.6, 14, 6)
    c.slab(0.02, top - 0.075, 0.15, 0.075, "f2c94c", 1, 0.03)
    c.slab(0.02, top - 0.098, 0.15, 0.052, "ffe58a", 1, 0.03)
    for n, x in enumerate((-0.26, 0.0, 0.27)):  # steam
        line = np.abs(c.x - np.float32(x) - 0.05 * np.sin(c.y * 9 + n * 2)) - np.float32(0.012)
        fade = np.clip((c.y + 0.95) * 3, 0, 1) * np.clip((-0.42 - c.y) * 5, 0, 1)
        c.blend((np.clip(0.5 - line * 55, 0, 1) * fade * np.float32(0.75)), "ffffff")
    c.vignette(0.12)
    return c.png()


def paper_lanterns() -> bytes:
    """Lanterns at dusk."""
    c = Canvas(6)
    c.gradient(("141433", "2d2458", "6a3a72", "c9627a", "f0a07c"), 0.15, 1)
    lanterns = (
        (-0.48, -0.18, 0.27),
        (0.42, -0.36, 0.22),
        (0.12, 0.3, 0.33),
        (-0.72, 0.5, 0.16),
        (0.78, 0.3, 0.15),
        (-0.12, -0.66, 0.13),
        (-0.3, 0.78, 0.11),
        (0.62, 0.8, 0.13),
    )
    for x, y, r in sorted(lanterns, key=lambda lantern: lantern[2]):
        c.stroke(x, y - r, x, -1.1, 0.005, "1a1233", 0.8)
        c.light(x, y, r * 2.0, "ffb45e", 0.5)
        part = c.box(x - r * 1.2, y - r, x + r * 1.2, y + r)
        px, py = (c.x[part] - np.float32(x)) / np.float32(1.14), c.y[part] - np.float32(y)
        distance = np.hypot(px, py) - np.float32(r)
        glow = ramp(
            np.hypot(px, py * 0.9 - r * 0.12) / np.float32(r * 1.1), ("fffbe0", "ffdf8a", "ff9d4a", "e2543c")
        )
        c.paint(distance, glow, 1, part)
        ribs = np.abs(((py / r * 4.5 + 0.5 * (px / r) ** 2 * np.sign(py)) % 1) - 0.5)
        inside = np.clip(-distance * 300, 0, 1)
        c.blend((np.clip(1 - ribs * 14, 0, 1) * inside * np.float32(0.26)), "8a2b22", part)
        for side in (-1, 1):
            c.slab(x, y + side * r * 0.97, r * 0.36, r * 0.07, "3a1830", 1, r * 0.03)
        for n in (-1, 0, 1):
            c.stroke(x + n * r * 0.1, y + r, x + n * r * 0.13, y + r * 1.4, 0.008, "e2543c", 0.9)
    for _ in range(40):
        c.disc(float(c.rng.uniform(-1, 1)), float(c.rng.uniform(-1, 0.1)), 0.003, "ffe9c0", 0.6, 2)
    c.vignette(0.35)
    return c.png()


def low_tide() -> bytes:
    """A moon over slow water."""
    c = Canvas(8)
    c.gradient(("0c2233", "1d4a5c", "5f99a0", "cfdccb", "f3e3c6"))
    c.light(0.3, -0.38, 0.6, "fff6dc", 0.5)
    c.disc(0.3, -0.38, 0.2, "fffaea", 1, 2)
    c.disc(0.3, -0.38, 0.2, "f4e6c8", 0.5, 60)
    bands = ("9fc7c4", "6fa9ad", "48899a", "2e6c83", "1f5069", "143a52", "0c273c")
    for n, colour in enumerate(bands):
        y = 0.08 + n * 0.135
        wave = (
            y
            + 0.035 * np.sin(c.x * (2.2 + n * 0.35) + n * 1.7)
            + 0.014 * np.sin(c.x * (5.3 - n * 0.2) + n * 3.1)
        )
        c.paint(wave - c.y, colour, 0.93)
        crest = np.abs(c.y - wave) - np.float32(0.0035)
        c.blend(
            (np.clip(0.5 - crest * 300, 0, 1) * np.clip(0.75 - np.abs(c.x - 0.3), 0.08, 1)) * np.float32(0.7),
            "fff3d4",
        )
    for n in range(26):
        y = 0.1 + n * 0.034
        c.slab(
            0.3 + float(c.rng.normal(0, 0.05 + n * 0.004)),
            y,
            float(c.rng.uniform(0.03, 0.12)),
            0.004,
            "fff6dc",
            0.5,
            0.004,
        )
    c.vignette(0.3)
    return c.png()


def rua_das_flores() -> bytes:
    """Blue and white tiles with flowers, one of them in bloom."""
    c = Canvas(4)
    c.gradient(("f4efe2", "ece4d0"))
    step = 0.5
    blue, pale, gold = "1d4e9e", "7fb0e3", "f2b632"
    for row in range(5):
        for column in range(5):
            x, y = -1 + column * step, -1 + row * step
            c.ring(x, y, step * 0.5, 0.03, blue, 0.95)
            c.ring(x, y, step * 0.41, 0.012, pale, 0.95)
    for row in range(4):
        for column in range(4):
            x, y = -0.75 + column * step, -0.75 + row * step
            bloom = (row, column) in ((1, 2), (2, 0), (3, 3), (0, 0))
            for n in range(8):
                angle = n * np.pi / 4 + (0.39 if bloom else 0)
                tip = 0.115 if bloom else 0.095
                c.stroke(
                    x + 0.045 * float(np.cos(angle)),
                    y + 0.045 * float(np.sin(angle)),
                    x + tip * float(np.cos(angle)),
                    y + tip * float(np.sin(angle)),
                    0.062 if bloom else 0.04,
                    ("e4572e" if n % 2 else "f28c38") if bloom else blue,
                )
            c.disc(x, y, 0.045, gold)
            c.disc(x, y, 0.02, "fff6df")
    for row in range(5):
        for column in range(5):
            x, y = -1 + column * step, -1 + row * step
            for n in range(4):
                angle = n * np.pi / 2
                c.stroke(x, y, x + 0.1 * float(np.cos(angle)), y + 0.1 * float(np.sin(angle)), 0.035, blue)
            c.disc(x, y, 0.05, gold)
    for line in range(1, 8):  # joints
        at = -1 + line * 0.25
        if line % 2:
            continue
        c.slab(at, 0, 0.004, 1, "cfc4aa", 0.6)
        c.slab(0, at, 1, 0.004, "cfc4aa", 0.6)
    shade = np.clip((c.x + c.y) * 0.5 + 0.25, 0, 1) * np.float32(0.2)
    c.blend(shade, "8c5a2b")
    return c.png()


def last_bus_home() -> bytes:
    """City lights through a wet window."""
    c = Canvas(10)
    c.gradient(("0b1020", "16203f", "2b2550", "4a2746", "1a1226"), 0.25, 1)
    colours = ("ff9d5c", "ffd27a", "ff5c7a", "6fb7ff", "ffb38a", "8f7dff", "ffe6b0")
    for n in range(44):
        size = float(c.rng.uniform(0.04, 0.17))
        x, y = float(c.rng.uniform(-1.05, 1.05)), float(c.rng.normal(0.12, 0.36))
        colour = colours[n % len(colours)]
        c.light(x, y, size * 1.3, colour, 0.16)
        c.disc(x, y, size, colour, float(c.rng.uniform(0.12, 0.42)), 5)
        c.ring(x, y, size * 0.97, 0.007, "fff4dc", 0.12)
    for _ in range(70):  # drops, each with its trail
        x, y = float(c.rng.uniform(-1, 1)), float(c.rng.uniform(-0.9, 1))
        trail, width = float(c.rng.uniform(0.02, 0.4)), float(c.rng.uniform(0.005, 0.014))
        c.stroke(x, y - trail, x + 0.01, y, width, "dfe8ff", 0.1, 3)
        c.disc(x + 0.01, y, width * 1.25, "f4f7ff", 0.55, 2)
        c.disc(x + 0.01, y + width * 0.3, width * 0.7, "1a2244", 0.35, 3)
    c.slab(0, 0.97, 1.1, 0.12, "07070f", 0.96)
    c.slab(0, -1.0, 1.1, 0.07, "07070f", 0.96)
    c.slab(-0.34, 0, 0.022, 1.1, "07070f", 0.96)
    c.slab(0, 0.852, 1.1, 0.004, "ff9d5c", 0.5)
    c.vignette(0.5)
    return c.png()


def glass_staircase() -> bytes:
    """Panes of coloured glass, step over step."""
    c = Canvas(12)
    c.gradient(("eef1f6", "dfe6f2", "f6ece6"), 0.6, 1)
    colours = ("4b7bec", "45c4e0", "36d0a0", "a5de5b", "ffd166", "ff9a56", "ff5d7d", "b26bf0")
    for n, colour in enumerate(colours):
        x, y = -0.7 + n * 0.2, 0.68 - n * 0.19
        c.slab(x + 0.03, y + 0.2, 0.2, 0.34, "5a6b8c", 0.10, 0.03, 30)
        c.slab(x, y + 0.16, 0.21, 0.34, colour, 0.55, 0.02)
        c.slab(x, y - 0.17, 0.21, 0.012, "ffffff", 0.85, 0.006)
        c.slab(x - 0.2, y + 0.16, 0.006, 0.32, "ffffff", 0.5)
        c.stroke(x - 0.12, y + 0.36, x + 0.08, y - 0.08, 0.028, "ffffff", 0.16, 5)
        c.light(x, y - 0.16, 0.1, "ffffff", 0.25)
    c.light(0.85, -0.85, 0.5, "fff6d8", 0.7)
    c.vignette(0.12)
    return c.png()
