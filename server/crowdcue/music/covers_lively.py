"""The covers of the six lively demo tunes, one small picture each, drawn on a canvas."""

import numpy as np

from crowdcue.music.canvas import SIZE, Canvas, Numbers, ramp


def midnight_tram() -> bytes:
    """Rails that run towards a headlight in a blue night."""
    c = Canvas(1)
    c.gradient(("05060f", "0b1437", "1b2a6b", "3b3f8f", "0a0d24", "05060f"))
    c.light(0, 0.0, 0.75, "5b6cff", 0.55)
    for n in range(46):  # city windows far away
        x, y = c.rng.uniform(-1, 1), c.rng.uniform(-0.42, -0.02)
        c.slab(x, y, 0.007, 0.011, ("ffd98a", "8fb4ff", "ff9a76")[n % 3], float(c.rng.uniform(0.25, 0.9)))
    ground = np.clip((c.y - np.float32(0.02)) * 60, 0, 1)
    c.blend(ground * np.float32(0.92), "070a1c")
    depth = np.maximum(c.y, np.float32(0.03))
    for side in (-1, 1):
        for offset, width in ((0.46, 0.03), (1.1, 0.03)):
            rail = np.abs(c.x - np.float32(side * offset) * depth) - np.float32(width) * depth
            shine = np.clip(0.5 - rail * 360, 0, 1) * (c.y > 0.03) * np.clip(1.25 - c.y, 0, 1)
            c.blend(shine, "ffe7b0" if offset < 1 else "7d8cff")
    for n in range(1, 16):  # sleepers, closer together the further away
        y = 0.03 + 0.97 * (n / 15) ** 2.4
        c.slab(0, y, 0.62 * y, 0.010 * y + 0.001, "c9d1ff", 0.18)
    c.light(0, 0.0, 0.62, "ffcf7a", 0.5)
    c.light(0, 0.0, 0.2, "fff3d6", 0.95)
    c.disc(0, 0.0, 0.055, "fffdf5", 1, 5)
    c.light(0, 0.55, 0.4, "ffb65c", 0.14)
    c.vignette(0.5)
    return c.png()


def neon_coastline() -> bytes:
    """A striped sun above a grid of light."""
    c = Canvas(3)
    c.gradient(("12062e", "3a0f63", "a11d7c", "ff6a5c", "12062e"))
    for _ in range(90):
        x, y = c.rng.uniform(-1, 1), c.rng.uniform(-1, -0.2)
        c.disc(x, y, float(c.rng.uniform(0.002, 0.005)), "ffffff", float(c.rng.uniform(0.3, 0.9)), 2)
    c.light(0, -0.1, 0.75, "ff4d8d", 0.55)
    sun = np.hypot(c.x, c.y + np.float32(0.12)) - np.float32(0.5)
    below = np.clip((c.y + np.float32(0.2)) * 1.7, 0, 1)
    stripes = np.where((c.y * 13) % 1 < below * 0.62, 0, 1)
    shade = ramp((c.y + 0.62) / 1.0, ("fff27a", "ffb347", "ff5f8f", "d62fa8"))
    c.blend((np.clip(0.5 - sun * 360, 0, 1) * stripes), shade)
    horizon = 0.3
    for seed, colour, height, base in ((1.3, "4b1173", 0.17, 0.0), (4.1, "240a4a", 0.11, 0.03)):
        ridge = (
            horizon
            - base
            - height * np.abs(np.sin(c.x * 2.3 + seed) * 0.6 + np.sin(c.x * 5.1 + seed * 2) * 0.3)
        )
        ridge = ridge * 1 + np.clip(0.35 - np.abs(c.x), 0, 1) * 0.25
        c.paint((ridge - c.y), colour)
    c.blend(np.clip((c.y - np.float32(horizon)) * 360 + 0.5, 0, 1), "0d0424")
    depth = np.maximum(c.y - np.float32(horizon), np.float32(0.004))
    lines = np.abs(((c.x / depth * 0.42 + 0.5) % 1) - 0.5) * depth / 0.42
    rows = np.abs(((0.55 / depth) % 1) - 0.5) * depth * depth / 0.55
    for field, width in ((lines, 0.005), (rows, 0.004)):
        line = np.clip(1.4 - field / width, 0, 1) * (c.y > horizon + 0.006) * np.clip(depth * 5, 0, 1)
        c.blend(line * np.float32(0.9), "29e7ff")
    c.light(0, horizon, 0.22, "ff7ac8", 0.35)
    c.blend(np.exp(-(((c.y - np.float32(horizon)) / 0.012) ** 2)) * np.float32(0.9), "ffd0f2")
    c.vignette(0.3)
    return c.png()


def pixel_picnic() -> bytes:
    """A meadow, a checked cloth and a cherry, in fat pixels."""
    c = Canvas(5)
    cells = 24
    art = np.zeros((3, cells, cells), np.float32)
    sky = ramp(np.linspace(0, 1, cells, dtype=np.float32), ("5ac8fa", "a8e6ff", "d8f6ff"))
    art[:] = sky[:, :, None]
    paint = {
        "g": "57b84a",
        "G": "3f9a3d",
        "y": "ffe14d",
        "w": "ffffff",
        "r": "e23b3b",
        "R": "b8222f",
        "k": "3a5a24",
        "p": "ffd9d9",
        "o": "ffb030",
        "b": "4f9be8",
    }

    def put(x: int, y: int, key: str) -> None:
        if 0 <= x < cells and 0 <= y < cells:
            art[:, y, x] = [int(paint[key][n : n + 2], 16) / 255 for n in (0, 2, 4)]

    for x in range(cells):
        hill = 11 + round(1.6 * np.sin(x / 3.4) + 0.8 * np.sin(x / 1.7))
        for y in range(hill, cells):
            put(x, y, "g" if (x * 7 + y * 13) % 9 else "G")
    for y in range(2, 7):
        for x in range(2, 7):
            if (x - 4) ** 2 + (y - 4) ** 2 <= 5:
                put(x, y, "y" if (x - 4) ** 2 + (y - 4) ** 2 <= 2 else "o")
    for cx, cy in ((13, 4), (19, 7)):
        for dx, dy in ((0, 0), (1, 0), (2, 0), (3, 0), (1, -1), (2, -1), (-1, 0)):
            put(cx + dx, cy + dy, "w")
    for y in range(16, 24):
        for x in range(3 - (y - 16) // 3, 21 + (y - 16) // 3):
            put(x, y, "b" if (x // 2 + y // 2) % 2 else "w")
    for cx in (9, 14):
        for dy, span in enumerate(((1, 3), (0, 4), (0, 4), (0, 4), (1, 3))):
            for dx in range(span[0], span[1]):
                put(cx + dx - 1, 15 + dy, "R" if dx == 3 or dy == 4 else "r")
        put(cx, 16, "w")
    for x, y in ((10, 14), (11, 13), (12, 12), (12, 11), (15, 14), (14, 13), (13, 12), (13, 11), (12, 10)):
        put(x, y, "k")
    for x, y in ((13, 10), (14, 10), (15, 10), (14, 9), (15, 9), (16, 9)):
        put(x, y, "G")
    size = SIZE // cells
    c.pixels[:] = np.repeat(np.repeat(art, size, 1), size, 2)
    gx, gy = (np.arange(size * cells) % size)[None, :], (np.arange(size * cells) % size)[:, None]
    edge = ((gx < 2) | (gy < 2)) * np.float32(0.07)
    c.blend(edge, "ffffff")
    c.blend(
        (((gx > size - 3) | (gy > size - 3)) * np.float32(0.07)),
        "000000",
    )
    return c.png(0.0)


def velvet_elevator() -> bytes:
    """Art deco fans in gold on burgundy, rising."""
    c = Canvas(7)
    c.gradient(("5a0f2c", "35081f", "1c0413"), 0.2, 1)
    c.light(0, -0.1, 0.9, "a3254f", 0.5)
    gold = ramp((c.x * 0.35 + c.y + 1) / 2, ("fff0c2", "e8b75a", "b9782e", "f6d58c", "a8682a"))
    radius = 0.34
    for row in range(8):
        y = 1.2 - row * radius * 0.9
        for column in range(-3, 4):
            x = (column + (0.5 if row % 2 else 0)) * radius * 2
            part = c.box(x - radius, y - radius, x + radius, y + 0.02)
            if part[0].stop - part[0].start < 4 or part[1].stop - part[1].start < 4:
                continue
            px, py = c.x[part] - np.float32(x), c.y[part] - np.float32(y)
            away = np.hypot(px, py)
            shade = min(1.0, 0.35 + row * 0.09)
            c.paint(np.maximum(away - radius, py), "4a0c26" if row % 2 else "5c1030", shade, part)
            arcs = np.minimum.reduce([np.abs(away - radius * share) for share in (0.98, 0.8, 0.5, 0.2)])
            line = np.clip(1.5 - arcs * 300, 0, 1)
            angle = np.arctan2(-py, px) / np.pi
            rays = np.abs(((angle * 12) % 1) - 0.5) * away * np.pi / 12
            rays_on = np.clip(1.2 - rays * 330, 0, 1) * (away > radius * 0.5) * (away < radius * 0.8)
            on = np.clip(np.maximum(line, rays_on), 0, 1) * (py < 0) * (away < radius)
            c.blend((on * np.float32(0.9)), gold[:, part[0], part[1]], part)
    c.vignette(0.55)
    return c.png()


def copper_kettle() -> bytes:
    """A round kettle seen as rings of copper, with steam like music."""
    c = Canvas(9)
    c.gradient(("0f2b2a", "174140", "0d2322"), 0.4, 1)
    c.light(0.0, 0.2, 0.8, "2f7a6c", 0.4)
    copper = ramp(
        (c.x * 0.8 - c.y * 0.5 + 0.9) / 1.8,
        ("5a2413", "a34e24", "e08a4e", "ffd9a8", "d0763c", "8a3d1d", "4a1c10"),
    )

    def solid(distance: Numbers, opacity: float = 1.0) -> None:
        c.paint(distance, copper, opacity)

    c.disc(0, 0.8, 0.07, "061413", 0.7, 40, 8)
    handle = np.abs(np.hypot(c.x, (c.y + 0.03) * 0.94) - 0.52) - 0.034
    solid(np.maximum(handle, c.y + 0.0))
    spout = np.abs(c.x - 0.52 - (0.36 - c.y) * 0.42 + 0.1 * np.sin(c.y * 5)) - (0.075 - (0.3 - c.y) * 0.05)
    solid(np.maximum.reduce([spout, c.y - 0.5, -0.08 - c.y]))
    body = np.hypot(c.x / 1.12, (c.y - 0.32)) - 0.46
    solid(np.maximum(body, c.y - 0.7))
    for n in range(9):
        ring = np.abs(np.hypot(c.x / 1.12, c.y - 0.32) - (0.06 + n * 0.048)) - 0.0032
        c.blend(
            (np.clip(0.5 - ring * 320, 0, 1) * (c.y < 0.7) * np.float32(0.5)),
            "fff0d0" if n % 2 else "4a1c10",
        )
    c.slab(0, -0.13, 0.23, 0.035, "7a3419", 1, 0.03)
    c.slab(0, -0.145, 0.22, 0.018, "f2b07a", 0.9, 0.015)
    c.disc(0, -0.21, 0.055, "e08a4e")
    c.disc(-0.015, -0.225, 0.022, "ffe2bd", 0.9, 6)
    c.light(-0.2, 0.1, 0.16, "fff2dc", 0.45)
    for n in range(5):
        base = 0.72 + n * 0.012
        line = (
            np.abs(c.x - base - 0.1 * np.sin(c.y * 5.5 + n * 0.55) * (0.1 - c.y) - n * 0.03 * (0.1 - c.y))
            - 0.0045
        )
        fade = np.clip((c.y + 0.95) * 1.6, 0, 1) * np.clip((-0.12 - c.y) * 6, 0, 1)
        c.blend((np.clip(0.5 - line * 320, 0, 1) * fade * np.float32(0.85)), "ffe9cc")
    c.vignette(0.4)
    return c.png()


def dub_garden() -> bytes:
    """A record that grows leaves."""
    c = Canvas(11)
    c.gradient(("f4c430", "f2a62b", "d9482b"), 0.5, 1)
    for n in range(18):
        angle = n * 2 * np.pi / 18
        ray = np.abs(
            np.arctan2(np.sin(np.arctan2(c.y, c.x) - angle), np.cos(np.arctan2(c.y, c.x) - angle))
        ) - np.float32(0.087)
        c.blend(
            (np.clip(0.5 - ray * 90 * np.hypot(c.x, c.y), 0, 1) * np.float32(0.22)),
            "fff2b8",
        )
    for ring, (count, length, colour, edge) in enumerate(
        ((16, 0.9, "0f4a2a", "1c6b3a"), (16, 0.8, "1f7a3f", "2f9a4f"), (16, 0.7, "4fae4a", "86cf5a"))
    ):
        for n in range(count):
            angle = (n + ring * 0.5) * 2 * np.pi / count
            ux, uy = float(np.cos(angle)), float(np.sin(angle))
            part = c.box(
                min(0, ux * length) - 0.1,
                min(0, uy * length) - 0.1,
                max(0, ux * length) + 0.1,
                max(0, uy * length) + 0.1,
            )
            along = (c.x[part] * np.float32(ux) + c.y[part] * np.float32(uy)) / np.float32(length)
            across = np.abs(c.y[part] * np.float32(ux) - c.x[part] * np.float32(uy))
            leaf = across - np.float32(0.105) * np.maximum(
                np.sin(np.clip(along, 0, 1) * np.float32(np.pi)), 0
            ) ** np.float32(0.8)
            c.paint(np.maximum(leaf, np.maximum(-along, along - 1)), colour, 1, part)
            c.paint(
                np.maximum(across - np.float32(0.004), np.maximum(0.3 - along, along - 0.97)),
                edge,
                0.9,
                part,
            )
    c.disc(0, 0, 0.53, "0a0a0c", 0.35, 26)
    c.disc(0, 0, 0.5, "121214")
    away, turn = np.hypot(c.x, c.y), np.arctan2(c.y, c.x)
    grooves = (0.5 + 0.5 * np.sin(away * 260)) * (away < 0.49) * (away > 0.2)
    shine = np.abs(np.cos(turn - 0.7)) ** 14 * 0.5 + 0.06
    c.blend((grooves * shine), "f6efe0")
    c.disc(0, 0, 0.185, "d9482b")
    c.ring(0, 0, 0.15, 0.012, "f4c430")
    c.ring(0, 0, 0.115, 0.012, "2f9a4f")
    c.disc(0, 0, 0.026, "f4c430")
    c.vignette(0.2)
    return c.png()
