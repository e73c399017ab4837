"""The drawn abdomen: where organs lie, how they vary, and how bright each is on fat-suppressed T2 (liver = 1).

Millimetres in RAS+ about the middle of the trunk: x to the patient's right, y to the front, z to the head. Brightness
follows what T2-SPIR shows: kidneys, spleen, fluid and spinal canal bright; liver and muscle grey; fat, bone, air dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sagittal_engine.phantom.shapes import Array, Canvas, Ellipsoid, Point, carve, merge, smooth_field, soft
from sagittal_engine.phantom.vessels import liver_tree, speckle

LIVER, RIGHT_KIDNEY, LEFT_KIDNEY, SPLEEN = 1, 2, 3, 4
ORGANS = {LIVER: "liver", RIGHT_KIDNEY: "right kidney", LEFT_KIDNEY: "left kidney", SPLEEN: "spleen"}


@dataclass(frozen=True)
class Build:
    """What differs between two people."""

    half_width: float
    half_depth: float
    fat_layer: float
    """mm of fat under the skin at the sides."""
    muscle: float
    liver: float
    """Size of the liver, 1 is usual; likewise below."""
    kidney: tuple[float, float]
    kidney_height: tuple[float, float]
    spleen: float
    dome: float
    """z of the right dome of the diaphragm, mm."""
    gallbladder: float
    aorta_bright: float
    brightness: dict[int, float]
    fluid: float
    """Share of bowel loops filled with bright fluid."""

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Build:
        width = rng.uniform(140, 164)
        return cls(
            half_width=width,
            half_depth=width * rng.uniform(0.64, 0.74),
            fat_layer=rng.uniform(7, 24),
            muscle=rng.uniform(8, 12),
            liver=rng.uniform(0.90, 1.10),
            kidney=(rng.uniform(0.88, 1.12), rng.uniform(0.88, 1.12)),
            kidney_height=(rng.uniform(-48, -26), rng.uniform(-38, -14)),
            spleen=rng.uniform(0.82, 1.2),
            dome=rng.uniform(88, 102),
            gallbladder=float(rng.choice([0.0, rng.uniform(0.7, 1.2)], p=[0.2, 0.8])),
            aorta_bright=rng.uniform(0.15, 1.3),
            brightness={
                LIVER: rng.uniform(0.88, 1.12),
                RIGHT_KIDNEY: (kidney := rng.uniform(1.75, 2.1)),
                LEFT_KIDNEY: kidney * rng.uniform(0.96, 1.05),
                SPLEEN: rng.uniform(1.55, 1.95),
            },
            fluid=rng.uniform(0.12, 0.4),
        )


def draw(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing: tuple[float, float, float], *, fat: float
) -> Canvas:
    """One subject's tissue on a grid of `shape` voxels of `spacing` mm; `fat` is how bright suppressed fat stays."""
    build = Build.drawn(rng)
    canvas = _deformed_grid(rng, shape, spacing)
    cavity = _trunk(rng, canvas, build, fat)
    below = _diaphragm(canvas, build)
    inside = cavity * below
    _bowel(rng, canvas, build, inside)
    _spine(rng, canvas, build)
    _great_vessels(rng, canvas, build)
    _stomach(rng, canvas, build, inside)
    _spleen(rng, canvas, build, inside)
    _liver(rng, canvas, build, inside)
    for side in (0, 1):
        _kidney(rng, canvas, build, side)
    _chest(rng, canvas, build, cavity * (1 - below))
    canvas.signal *= 1.0 + 0.05 * speckle(rng, shape)
    return canvas


def _deformed_grid(rng: np.random.Generator, shape: tuple[int, int, int], spacing: Sequence[float]) -> Canvas:
    """Coordinates bent smoothly twice: broadly (posture) and finely (what makes outlines look grown, not drawn)."""
    axes = [((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(shape, spacing, strict=True)]
    bent = []
    for axis, broad, fine in zip(np.meshgrid(*axes, indexing="ij"), (4.5, 4.5, 5.0), (1.5, 1.5, 1.2), strict=True):
        shift = broad * smooth_field(rng, shape, (6, 6, 6)) + fine * smooth_field(rng, shape, (15, 15, 11))
        bent.append((axis + shift.clip(-16, 16)).astype(np.float32))
    return Canvas(*bent)


def _trunk(rng: np.random.Generator, canvas: Canvas, build: Build, fat: float) -> Array:
    """Skin, fat, muscle, ribs and the fat inside; returns the cover of the abdominal cavity."""
    x, y, z = canvas.x, canvas.y, canvas.z
    waist = 1.0 - 0.05 * np.exp(-(((z + 35) / 45) ** 2)) + 0.03 * np.exp(-(((z + 120) / 50) ** 2))
    back = np.where(y < 0, np.float32(0.94), np.float32(1.0))
    groove = 9.0 * np.exp(-((x / 26) ** 2)) * (y < 0)
    across, along = np.abs(x) / (build.half_width * waist), np.abs(y) / (build.half_depth * waist * back)
    radius = (across * across * np.sqrt(across) + along * along * np.sqrt(along)) ** 0.4
    depth = (1.0 - radius) * build.half_depth - groove
    angle = along / (across + along + 1e-3)
    layer = build.fat_layer * (1.15 - 0.55 * angle * (y > 0)) + 3.0 * smooth_field(rng, x.shape, (6, 6, 5)).clip(-1, 1)
    muscle = build.muscle * (1.0 + 0.36 * np.exp(-(((np.abs(x) - 28) / 22) ** 2)) * (y > 0))
    canvas.paint((), soft(-depth, 3.0), 0.55)
    canvas.paint((), soft(-(depth - 2.6), 3.0), fat * (1.0 + 0.25 * smooth_field(rng, x.shape, (10, 10, 8))))
    wall = soft(-(depth - layer), 4.0)
    strands = 0.30 + 0.06 * smooth_field(rng, x.shape, (30, 30, 12))
    canvas.paint((), wall, strands)
    layers = np.exp(-(((depth - layer - muscle * 0.5) / 1.6) ** 2)) * (np.abs(x) > 55)
    canvas.paint((), wall * layers * 0.7, fat)
    ribs = soft(np.abs(((z + 0.45 * y + 0.2 * np.abs(x)) % 34) - 17) - 6, 6.0) * (z > -30)
    band = np.exp(-(((depth - layer - muscle * 0.55) / 3.2) ** 2)) * (np.abs(x) > 45)
    canvas.paint((), wall * band * ribs * 0.8, 0.62)
    cavity = soft(-(depth - layer - muscle), 4.0)
    mesentery = 1.5 * fat * (1.0 + 0.6 * smooth_field(rng, x.shape, (26, 26, 12)).clip(-1, 2))
    canvas.paint((), cavity, np.maximum(mesentery, 0.02))
    return cavity


def _diaphragm(canvas: Canvas, build: Build) -> Array:
    """Cover of what lies below the diaphragm: two domes, the right one higher, deep at the back and the sides."""
    x, y = canvas.x, canvas.y
    right = build.dome - ((x - 58) / 10.5) ** 2 - ((y - 10) / 9.0) ** 2
    left = build.dome - 12 - ((x + 62) / 10.5) ** 2 - ((y - 6) / 9.0) ** 2
    top = np.maximum(right, left)
    return soft(canvas.z - np.maximum(top, -20), 9.0)


def _spine(rng: np.random.Generator, canvas: Canvas, build: Build) -> None:
    """Back muscles, psoas, vertebrae with discs, spinal canal with its bright fluid and the cord."""
    z = canvas.z
    floor = -build.half_depth
    grain = 0.30 + 0.05 * smooth_field(rng, z.shape, (40, 40, 10))
    for side in (-1, 1):
        erector = Ellipsoid((side * 36.0, floor + 38, 0.0), (29.0, 19.0, 600.0), turn=side * -8.0)
        canvas.ellipsoid(erector, grain, edge=4.0)
        thickness = float(rng.uniform(14, 19))
        psoas = Ellipsoid((side * 40.0, floor + 66, -95.0), (thickness, thickness + 3, 95.0), tilt=(side * -0.10, 0, 0))
        canvas.ellipsoid(psoas, grain)
        crus = Ellipsoid((side * 17.0, floor + 92, 40.0), (5.0, 12.0, 55.0), turn=side * 12.0)
        canvas.ellipsoid(crus, 0.33)
    body = Ellipsoid((0.0, floor + 72, 0.0), (23.0, 17.0, 900.0))
    level = (z + float(rng.uniform(0, 34))) % 34
    disc = soft(np.abs(level - 17) - 4.0, 5.0)
    marrow = (0.38 + 0.07 * smooth_field(rng, z.shape, (40, 40, 24))) * (1 - disc) + 0.62 * disc
    box = canvas.box(body.centre, body.reach())
    distance = body.distance(*canvas.where(box))
    column = soft(distance, 3.5)
    canvas.paint(box, column, marrow[box])
    canvas.paint(box, column * (1 - soft(distance + 3.0, 3.0)) * 0.8, 0.10)
    arch = Ellipsoid((0.0, floor + 44, 0.0), (17.0, 13.0, 900.0))
    canvas.ellipsoid(arch, 0.14, edge=3.5)
    process = Ellipsoid((0.0, floor + 26, 0.0), (4.0, 16.0, 900.0))
    canvas.ellipsoid(process, 0.2, edge=3.5)
    canal = Ellipsoid((0.0, floor + 49, 0.0), (9.5, 7.5, 900.0))
    canvas.ellipsoid(canal, 2.0)
    cord = Ellipsoid((0.0, floor + 49, 90.0), (4.8, 3.8, 110.0))
    canvas.ellipsoid(cord, 0.95)


def _great_vessels(rng: np.random.Generator, canvas: Canvas, build: Build) -> None:
    """Aorta left of the midline, cava right of it, and the renal veins; flow makes them dark or bright."""
    front = -build.half_depth + 100
    lean = float(rng.uniform(-0.03, 0.03))
    flow = 1.0 + 0.5 * np.sin(canvas.z / 23 + float(rng.uniform(0, 6)))
    aorta = Ellipsoid((-11.0, front - 2, 0.0), (9.5, 9.5, 900.0), tilt=(lean, 0.0, 0.0))
    inner = Ellipsoid((-11.0, front - 2, 0.0), (7.0, 7.0, 900.0), tilt=(lean, 0.0, 0.0))
    canvas.ellipsoid(aorta, 0.75)
    canvas.ellipsoid(inner, np.clip(build.aorta_bright * flow, 0.08, 1.8))
    cava = Ellipsoid((19.0, front + 1, 0.0), (12.0, float(rng.uniform(7, 10)), 900.0), turn=15.0, tilt=(lean, 0.05, 0))
    canvas.ellipsoid(cava, np.clip(0.55 * flow, 0.1, 1.2))
    for side, height in zip((1, -1), build.kidney_height, strict=True):
        vein = Ellipsoid((side * 42.0, front - 8, height + 4), (26.0, 4.0, 6.0), turn=side * -22.0)
        canvas.ellipsoid(vein, float(rng.uniform(0.3, 1.3)))


def _bowel(rng: np.random.Generator, canvas: Canvas, build: Build, inside: Array) -> None:
    """Loops of bowel: a wall and a content that is fluid (bright), pulp (grey) or gas (dark), with folds."""
    folds = smooth_field(rng, canvas.x.shape, (60, 60, 20))
    for _ in range(95):
        height = float(rng.uniform(-125, 30))
        reach = 108.0 if height < -20 else 80.0
        centre: Point = (float(rng.uniform(-reach, reach)), float(rng.uniform(-18, build.half_depth - 36)), height)
        radii: Point = (float(rng.uniform(10, 24)), float(rng.uniform(9, 16)), float(rng.uniform(10, 22)))
        tilt: Point = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.4, 0.4)), 0.0)
        loop = Ellipsoid(centre, radii, float(rng.uniform(0, 180)), tilt)
        kind = rng.uniform()
        content = 0.5 + 0.4 * rng.uniform()
        if kind < build.fluid:
            content = float(rng.uniform(1.5, 2.4))
        elif kind > 0.9:
            content = 0.05
        box = canvas.box(loop.centre, loop.reach())
        distance = loop.distance(*canvas.where(box)) + 1.6 * folds[box]
        canvas.paint(box, soft(distance, 3.0) * inside[box], float(rng.uniform(0.45, 0.8)))
        lumen = np.maximum(content * (1.0 + 0.22 * folds[box]), 0.03)
        canvas.paint(box, soft(distance + 2.6, 3.0) * inside[box], lumen)


def _stomach(rng: np.random.Generator, canvas: Canvas, build: Build, inside: Array) -> None:
    """Fundus and body at the left front with a level: gas in front, mixed content behind; the pancreas below."""
    texture = smooth_field(rng, canvas.x.shape, (46, 46, 20))
    fundus = Ellipsoid((-56.0, 16.0, 52.0), (42.0, 48.0, 44.0), tilt=(-0.15, -0.2, 0.0))
    body = Ellipsoid((-32.0, 56.0, 16.0), (46.0, 26.0, 34.0), turn=18.0)
    box = canvas.box((-46.0, 34.0, 34.0), (72.0, 76.0, 72.0))
    x, y, z = canvas.where(box)
    distance = merge(fundus.distance(x, y, z), body.distance(x, y, z), 14.0) + 2.0 * texture[box]
    canvas.paint(box, soft(distance, 3.0) * inside[box], 0.8)
    level = float(rng.uniform(20, 52))
    content = np.where(y + 3.0 * texture[box] > level, 0.05, float(rng.uniform(0.5, 1.6)) * (1.0 + 0.25 * texture[box]))
    canvas.paint(box, soft(distance + 4.0, 4.0) * inside[box], np.maximum(content, 0.03))
    for part in range(4):
        centre: Point = (-46.0 + 24.0 * part, 16.0 + 9.0 * (part in (1, 2)), -2.0 - 5.0 * part)
        lobe = Ellipsoid(centre, (19.0, 9.5, 11.0), turn=float(rng.uniform(-25, 25)))
        canvas.ellipsoid(lobe, 0.85 + 0.14 * texture, edge=5.0, within=inside)


def _spleen(rng: np.random.Generator, canvas: Canvas, build: Build, inside: Array) -> None:
    """A crescent at the left back, hollowed by the stomach; it is painted over whatever bowel lay there."""
    size = build.spleen
    wall = -(build.half_width - build.fat_layer - build.muscle)
    centre: Point = (wall + 24.0 * size, -26.0 + float(rng.uniform(-8, 8)), 34.0 + float(rng.uniform(-12, 12)))
    outer = Ellipsoid(centre, (33.0 * size, 52.0 * size, 55.0 * size), turn=-24.0, tilt=(-0.10, -0.12, 0.0))
    hollow = Ellipsoid(
        (centre[0] + 40.0 * size, centre[1] + 26.0, centre[2] + 4),
        (29.0, 44.0, 60.0),
        turn=-24.0,
        tilt=(0.05, 0.0, 0.0),
    )
    box = canvas.box(centre, outer.reach())
    x, y, z = canvas.where(box)
    distance = carve(outer.distance(x, y, z), [hollow.distance(x, y, z)])
    texture = build.brightness[SPLEEN] * (
        1.0 + 0.07 * speckle(rng, x.shape) + 0.05 * smooth_field(rng, x.shape, (9, 9, 7))
    )
    canvas.paint(box, soft(distance, 3.0) * inside[box], texture, SPLEEN)


def _liver(rng: np.random.Generator, canvas: Canvas, build: Build, inside: Array) -> None:
    """Right lobe under the dome, tapering downwards, left lobe across the midline, vessels and the gallbladder."""
    size = build.liver
    box = canvas.box((45.0, 12.0, 28.0), (125.0, 105.0, 105.0))
    x, y, z = canvas.where(box)
    right = Ellipsoid((72.0, 0.0, 40.0), (76.0 * size, 96.0 * size, 88.0 * size), turn=-10.0, tilt=(-0.14, 0.02, 0.0))
    tip = Ellipsoid((98.0, -4.0, -26.0), (30.0 * size, 54.0 * size, 56.0 * size), tilt=(-0.05, 0.05, 0.0))
    reach = float(rng.uniform(52, 84))
    left = Ellipsoid((10.0, 54.0, 54.0), (reach * size, 42.0 * size, 42.0 * size), turn=-6.0, tilt=(-0.1, 0.1, 0.0))
    distance = merge(merge(right.distance(x, y, z), tip.distance(x, y, z), 18.0), left.distance(x, y, z), 22.0)
    porta = Ellipsoid((14.0, 0.0, 2.0), (34.0, 38.0, 42.0), turn=-32.0, tilt=(-0.1, -0.1, 0.0))
    spine = Ellipsoid((2.0, -build.half_depth + 72.0, 0.0), (44.0, 40.0, 900.0))
    fissure = Ellipsoid((22.0, 74.0, 16.0), (4.5, 36.0, 34.0), turn=12.0)
    kidney = Ellipsoid((62.0, -build.half_depth + 62.0, build.kidney_height[0]), (33.0, 36.0, 56.0), turn=-30.0)
    cuts = [shape.distance(x, y, z) for shape in (porta, spine, fissure, kidney)]
    distance = carve(distance, cuts) + 1.2 * smooth_field(rng, x.shape, (18, 18, 10))
    cover = soft(distance, 3.2) * inside[box]
    base = build.brightness[LIVER] * (1.0 + 0.08 * speckle(rng, x.shape))
    canvas.paint(box, cover, base, LIVER)
    tree = liver_tree(rng, (x, y, z), (36.0, 8.0, 28.0), (40.0, -14.0, 70.0))
    canvas.paint(box, cover * soft(distance + 5.0, 6.0) * tree, build.brightness[LIVER] * 2.0, None)
    if build.gallbladder:
        bag = Ellipsoid(
            (52.0 + float(rng.uniform(-8, 8)), 50.0, -16.0), (13.0 * build.gallbladder, 19.0 * build.gallbladder, 24.0),
            turn=float(rng.uniform(-30, 30)), tilt=(0.1, -0.3, 0.0),
        )  # fmt: skip
        canvas.ellipsoid(bag, float(rng.uniform(2.0, 2.6)), within=inside)


def _kidney(rng: np.random.Generator, canvas: Canvas, build: Build, side: int) -> None:
    """A bean with its hilum towards the spine: bright cortex, a sinus of fat and urine, in a capsule of fat."""
    sign, size = (1, -1)[side], build.kidney[side]
    label = (RIGHT_KIDNEY, LEFT_KIDNEY)[side]
    height = build.kidney_height[side]
    centre: Point = (
        sign * (62.0 + float(rng.uniform(-5, 5))),
        -build.half_depth + 62.0 + float(rng.uniform(-4, 4)),
        height,
    )
    tilt: Point = (sign * -0.2, float(rng.uniform(-0.18, -0.02)), 0.0)
    radii: Point = (25.0 * size, 29.0 * size, 52.0 * size)
    turn = sign * -35.0
    bean = Ellipsoid(centre, radii, turn, tilt)
    capsule = Ellipsoid(centre, (radii[0] + 6, radii[1] + 6, radii[2] + 8), turn, tilt)
    hilum: Point = (centre[0] - sign * 26.0 * size, centre[1] + 13.0 * size, height)
    notch = Ellipsoid(hilum, (15.0, 11.0, 16.0), turn, tilt)
    sinus = Ellipsoid(
        (centre[0] - sign * 9.0, centre[1] + 5.0, height), (8.5 * size, 10.0 * size, 26.0 * size), turn, tilt
    )
    box = canvas.box(centre, capsule.reach())
    x, y, z = canvas.where(box)
    grain = smooth_field(rng, x.shape, (16, 16, 10))
    muscle = canvas.labels[box] == LIVER
    canvas.paint(box, soft(capsule.distance(x, y, z), 5.0) * ~muscle, 0.12)
    distance = carve(bean.distance(x, y, z), [notch.distance(x, y, z)])
    rim = np.exp(-(((distance + 5.0) / 4.0) ** 2))
    texture = build.brightness[label] * (1.0 + 0.06 * grain + 0.07 * speckle(rng, x.shape) - 0.12 * rim)
    canvas.paint(box, soft(distance, 3.0), texture, label)
    middle = np.where(grain > 0.25, 2.3, np.where(grain < -0.4, 0.35, 1.25))
    canvas.paint(box, soft(sinus.distance(x, y, z) + 2.0 * grain, 4.0) * soft(distance + 3.0, 4.0), middle, None)


def _chest(rng: np.random.Generator, canvas: Canvas, build: Build, above: Array) -> None:
    """Lung with a few vessels, and the heart's lower face, smeared by its beat."""
    shape = canvas.x.shape
    lung = np.where(smooth_field(rng, shape, (44, 44, 16)) > 1.5, np.float32(0.15), np.float32(0.05))
    keep = above * (canvas.labels == 0)
    column = np.exp(-(((canvas.x) / 34) ** 2)) * (canvas.y < -build.half_depth + 112)
    canvas.paint((), keep * (1 - column), lung)
    heart = Ellipsoid((-26.0, 34.0, build.dome + 20.0), (58.0, 44.0, 38.0), turn=-20.0)
    beat = 0.55 + 0.35 * smooth_field(rng, shape, (9, 20, 6))
    canvas.ellipsoid(heart, np.maximum(beat, 0.1), label=None, edge=14.0, within=keep)
