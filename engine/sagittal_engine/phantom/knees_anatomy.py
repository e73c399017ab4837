"""The drawn knee: where its parts lie, how they vary, and how bright each is on fat-suppressed proton density.

Millimetres about the middle of the joint: x to the outer side of the leg, y to the front, z to the head; a left knee is
a right one mirrored. Brightness follows what fat-suppressed MR shows: fluid bright, cartilage light, muscle grey, fat
and marrow dark, ligaments, menisci, tendons and cortical bone nearly black.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np

from sagittal_engine.phantom.knees_findings import EFFUSION, Findings
from sagittal_engine.phantom.shapes import Array, Canvas, Capsule, Ellipsoid, Point, carve, merge, smooth_field, soft

BONE, CARTILAGE, LIGAMENT, LIGAMENT_TEAR, MENISCUS, MENISCUS_TEAR, FLUID, BRUISE = range(1, 9)
KNEE_LABELS = {
    BONE: "bone",
    CARTILAGE: "cartilage",
    LIGAMENT: "ligament",
    LIGAMENT_TEAR: "ligament tear",
    MENISCUS: "meniscus",
    MENISCUS_TEAR: "meniscus tear",
    FLUID: "effusion",
    BRUISE: "bone bruise",
}
"""Label number → name. The ligament is the anterior cruciate; a healthy joint's film of fluid has no label."""

DARK, MUSCLE, CARTILAGE_SIGNAL, FLUID_SIGNAL, TORN = 0.10, 0.52, 0.85, 1.5, 1.25
GAP = 7.5
"""mm either way from the middle of a torn ligament's gap that count as torn."""
MEDIAL, LATERAL = -1, 1


@dataclass(frozen=True)
class Knee:
    """What differs between two knees, besides what is wrong with them."""

    size: float
    width: float
    """Half of the leg's, mm."""
    depth: float
    fat: float
    """mm of fat under the skin."""
    muscle: float
    """Size of the muscles, 1 is usual."""
    gap_at: float
    """Where a torn ligament is torn: 0 at the femur, 1 at the tibia."""
    torn_side: int
    """The side whose meniscus is torn, where one is."""
    torn_at: float
    """Angle of that tear, degrees from straight back towards the outer rim of its side."""
    bruised_side: int
    findings: Findings

    @classmethod
    def drawn(cls, rng: np.random.Generator, findings: Findings) -> Knee:
        """The draws are the same whatever the findings are."""
        inner = rng.random() < 0.5
        return cls(
            size=rng.uniform(0.94, 1.06),
            width=rng.uniform(50, 57),
            depth=rng.uniform(55, 61),
            fat=rng.uniform(3, 9),
            muscle=rng.uniform(0.9, 1.1),
            gap_at=rng.uniform(0.35, 0.65),
            torn_side=MEDIAL if rng.random() < 0.65 else LATERAL,
            torn_at=rng.uniform(-15, 40),
            bruised_side=MEDIAL if inner and not findings.acl else LATERAL,
            findings=findings,
        )


def draw(rng: np.random.Generator, knee: Knee, canvas: Canvas, *, fat: float) -> None:
    """Paints one knee onto a canvas of its coordinates; `fat` is how bright suppressed fat stays.

    `rng` draws only the grain of tissues: where things lie is in `knee`. Findings have a grain of their own, so that
    all else is the same without them.
    """
    (grain,) = rng.spawn(1)
    _leg(rng, knee, canvas, fat)
    _muscles(rng, knee, canvas)
    femur, tibia = _bones(rng, knee, canvas, fat)
    bones = np.minimum(femur, tibia)
    if knee.findings.bruise:
        _bruise(grain, knee, canvas, bones)
    _fluid(knee, canvas, bones)
    _cartilage(canvas, femur, tibia)
    for side in (MEDIAL, LATERAL):
        _meniscus(knee, canvas, side, bones)
    _posterior_cruciate(canvas)
    _anterior_cruciate(grain, knee, canvas, bones)
    _straps(canvas)


def _leg(rng: np.random.Generator, knee: Knee, canvas: Canvas, fat: float) -> None:
    """Skin, fat with its strands, and the dark sheath around what lies inside."""
    x, y, z = canvas.x, canvas.y, canvas.z
    front = 5 * np.exp(-(((z - 26) / 22) ** 2)) - 6 * np.exp(-(((z + 34) / 24) ** 2)) + 0.08 * np.maximum(z - 40, 0)
    depth = knee.depth + front * (y > -4)
    across, along = np.abs(x) / knee.width, np.abs(y + 4) / depth
    radius = (across * across * np.sqrt(across) + along * along * np.sqrt(along)) ** np.float32(0.4)
    inward = (1 - radius) * knee.width
    grain = _grain(rng, x, 4)
    canvas.paint((), soft(-inward, 1.5), 0.5)
    canvas.paint((), soft(-(inward - 1.8), 1.5), fat * (1 + 0.18 * grain))
    sheath = soft(-(inward - 1.8 - knee.fat), 1.5)
    canvas.paint((), sheath * (1 - soft(-(inward - 3.0 - knee.fat), 1.5)) * 0.7, DARK)
    canvas.paint((), soft(-(inward - 3.0 - knee.fat), 1.5), fat * (1.15 + 0.25 * grain))


def _muscles(rng: np.random.Generator, knee: Knee, canvas: Canvas) -> None:
    """Thigh and calf muscles with their fibres, and the vessels behind the joint."""
    m = knee.muscle
    fibres = MUSCLE * (1 + 0.10 * _grain(rng, canvas.x, 3))
    for shape in (
        Ellipsoid((0.0, 29.0, 88.0), (30.0 * m, 14.0 * m, 42.0)),  # quadriceps
        Ellipsoid((-34.0, 6.0, 76.0), (11.0 * m, 24.0 * m, 46.0)),  # vastus medialis
        Ellipsoid((34.0, 6.0, 80.0), (10.0 * m, 22.0 * m, 42.0)),  # vastus lateralis
        Ellipsoid((-25.0, -42.0, 66.0), (13.0 * m, 11.0 * m, 64.0), tilt=(-0.03, -0.02, 0)),  # semimembranosus
        Ellipsoid((31.0, -36.0, 66.0), (11.0 * m, 12.0 * m, 62.0), tilt=(-0.04, 0, 0)),  # biceps
        Ellipsoid((-20.0, -44.0, -48.0), (17.0 * m, 12.0 * m, 62.0)),  # calf, inner head
        Ellipsoid((20.0, -43.0, -48.0), (16.0 * m, 11.0 * m, 60.0)),  # calf, outer head
        Ellipsoid((-4.0, -28.0, -58.0), (24.0 * m, 8.0, 40.0)),  # soleus and popliteus
        Ellipsoid((28.0, 2.0, -68.0), (9.0 * m, 16.0 * m, 40.0)),  # peroneal and front muscles
    ):
        canvas.ellipsoid(shape, fibres, edge=2.0)
    for at, radius, bright in ((3.0, 4.0, 1.25), (-4.0, 3.2, 0.12)):
        canvas.ellipsoid(Ellipsoid((at, -37.0, 0.0), (radius, radius, 900.0), tilt=(0.03, 0.02, 0)), bright, edge=2.0)


def _bones(rng: np.random.Generator, knee: Knee, canvas: Canvas, fat: float) -> tuple[Array, Array]:
    """Femur, tibia, fibula and kneecap; returns the distances of the first two, which meet in the joint."""
    femur = _joined(
        canvas,
        9.0,
        Ellipsoid((-23.0, -7.0, 25.0), (17.0, 31.0, 23.0)),
        Ellipsoid((23.0, -8.0, 24.5), (16.5, 30.0, 22.0)),
        Ellipsoid((0.0, 6.0, 42.0), (34.0, 22.0, 25.0)),
        Ellipsoid((0.0, 2.0, 88.0), (15.5, 14.0, 60.0)),
    )
    femur = carve(femur, [canvas.distance(Ellipsoid((0.0, -22.0, 10.0), (9.5, 30.0, 22.0)))])
    plateau = np.maximum(canvas.distance(Ellipsoid((0.0, -6.0, -14.0), (40.0, 28.0, 20.0))), canvas.z + 5.0)
    below = _joined(
        canvas,
        6.0,
        Ellipsoid((0.0, -5.0, -30.0), (33.0, 23.0, 24.0)),
        Ellipsoid((0.0, -1.0, -70.0), (17.0, 17.0, 60.0)),
        Ellipsoid((4.0, 19.0, -36.0), (10.0, 11.0, 15.0)),  # where the tendon of the kneecap ends
    )
    ridge = canvas.distance(Ellipsoid((0.0, -6.0, -6.0), (8.0, 9.0, 6.0)))
    tibia = merge(merge(plateau, np.maximum(below, canvas.z + 8.0), 6.0), ridge, 4.0)
    lift = 3.5 * knee.findings.effusion
    patella = canvas.distance(Ellipsoid((1.0, 42.0 + lift, 25.0), (21.0, 10.0, 19.0)))
    fibula = _joined(
        canvas,
        5.0,
        Ellipsoid((33.0, -21.0, -30.0), (9.0, 9.5, 12.0)),
        Ellipsoid((33.0, -21.0, -80.0), (6.0, 6.0, 60.0)),
    )
    trabeculae = _grain(rng, canvas.x, 3)
    marrow = (fat * 1.05 + 0.02) * (1 + 0.12 * trabeculae)
    for distance in (femur, tibia, patella, fibula):
        cover = soft(distance, 1.4)
        canvas.paint((), cover, 0.05, BONE)
        canvas.paint((), soft(distance + 1.5, 1.4), marrow, BONE)
    canvas.paint((), soft(np.abs(patella - 1.4) - 1.3, 1.2) * (canvas.y < 38 + lift), CARTILAGE_SIGNAL, CARTILAGE)
    return femur, tibia


def _joined(canvas: Canvas, radius: float, *shapes: Ellipsoid) -> Array:
    """Distance to all of these shapes as one, their seams rounded over `radius` mm."""
    return reduce(lambda whole, part: merge(whole, part, radius), (canvas.distance(shape) for shape in shapes))


def _grain(rng: np.random.Generator, like: Array, voxels: int) -> Array:
    """A random field of about unit deviation whose knots are so many voxels apart."""
    return smooth_field(rng, like.shape, [max(5, n // voxels) for n in like.shape])


def _bruise(rng: np.random.Generator, knee: Knee, canvas: Canvas, bones: Array) -> None:
    """Smeared brightness in the marrow under the cartilage, in both bones where a ligament is torn."""
    side = knee.bruised_side
    places: list[Point] = [(side * 23.0, 8.0, 12.0)]
    if knee.findings.acl:
        places.append((side * 24.0, -20.0, -14.0))
    for place in places:
        shape = Ellipsoid(place, (11.0, 12.0, 11.0))
        box = canvas.box(place, shape.reach())
        distance = shape.distance(*canvas.where(box))
        patchy = 0.75 + 0.25 * _grain(rng, distance, 5).clip(-1, 1)
        cover = soft(distance, 10.0) * soft(bones[box] + 1.0, 1.4)
        canvas.paint(box, cover * patchy, 0.95, None)
        canvas.labels[box][cover > 0.5] = BRUISE


def _fluid(knee: Knee, canvas: Canvas, bones: Array) -> None:
    """The joint's fluid: above and behind the kneecap, beside the condyles and behind them."""
    amount = knee.findings.effusion
    label = FLUID if amount >= EFFUSION else 0
    swell = 0.6 + 0.4 * amount
    pouches = (
        Ellipsoid((0.0, 30.0, 56.0), (24.0 * swell, 2.0 + 9.0 * amount, 26.0 * swell)),
        Ellipsoid((-27.0, 26.0, 26.0), (6.0 + 4.0 * amount, 1.5 + 8.0 * amount, 20.0 * swell)),
        Ellipsoid((27.0, 26.0, 26.0), (6.0 + 4.0 * amount, 1.5 + 8.0 * amount, 20.0 * swell)),
        Ellipsoid((-18.0, -37.0, 16.0), (11.0 * swell, 2.0 + 6.0 * amount, 15.0 * swell)),
        Ellipsoid((18.0, -37.0, 16.0), (11.0 * swell, 2.0 + 6.0 * amount, 14.0 * swell)),
    )
    for pouch in pouches:
        box = canvas.box(pouch.centre, pouch.reach())
        cover = soft(pouch.distance(*canvas.where(box)), 2.0) * soft(-bones[box], 1.4)
        canvas.paint(box, cover * (canvas.labels[box] != BONE), FLUID_SIGNAL, label)


def _cartilage(canvas: Canvas, femur: Array, tibia: Array) -> None:
    """A light layer where the bones meet, and the film of fluid between."""
    box = canvas.box((0.0, -4.0, 8.0), (46.0, 42.0, 30.0), margin=10.0)
    x, y, z = canvas.where(box)
    femur, tibia = femur[box], tibia[box]
    near = soft(np.hypot(x / 42, (y + 4) / 36) - 1, 0.1)
    between = near * soft(femur + tibia - 9, 3.0) * soft(-np.minimum(femur, tibia), 1.4)
    canvas.paint(box, between, 0.95, None)
    runs = soft(z - 26, 3.0) * soft(-(np.abs(x) - 7), 2.0) + soft(-(y - 14), 3.0) * soft(np.abs(z - 28) - 16, 3.0)
    canvas.paint(box, soft(np.abs(femur - 1.2) - 1.2, 1.2) * runs.clip(0, 1), CARTILAGE_SIGNAL, CARTILAGE)
    canvas.paint(box, soft(np.abs(tibia - 1.1) - 1.1, 1.2) * near * soft(-(z + 7), 2.0), CARTILAGE_SIGNAL, CARTILAGE)


def _meniscus(knee: Knee, canvas: Canvas, side: int, bones: Array) -> None:
    """A dark ring open towards the middle, thick outside and thin inside; torn at the back where it is torn."""
    centre = (side * 22.0, -6.0, -1.0)
    across, along = (17.0, 23.0) if side == MEDIAL else (16.0, 20.0)
    box = canvas.box(centre, (across + 6, along + 6, 9.0), margin=12.0)
    x, y, z = canvas.where(box)
    out, back = side * (x - centre[0]), centre[1] - y
    mean = (across + along) / 2
    reach = np.hypot(out / across, back / along) * mean
    angle = np.degrees(np.arctan2(out / across, back / along))  # 0 is straight back, 90 the outer rim
    inside, wide = 0.48 * mean, 0.52 * mean
    top = 1.2 + 6.0 * ((reach - inside) / wide).clip(0, 1)
    height = z + 3.4
    ring = np.maximum.reduce([reach - mean, inside - reach, height - top, -height])
    closed = soft(np.abs(angle - 90) - 128, 12.0)
    free = soft(-bones[box], 1.2)
    cover = soft(ring, 1.4) * closed * free
    canvas.paint(box, cover, DARK, MENISCUS)
    if not (knee.findings.meniscus and knee.torn_side == side):
        return
    off = np.abs(angle - knee.torn_at)
    sector = soft(off - 26, 8.0)
    split = soft(np.abs(height - 0.5 * top) - 1.1, 1.2)  # lies flat in the ring
    cleft = soft(np.radians(off) * reach - 1.4, 1.2)  # stands across it
    canvas.paint(box, cover * np.maximum(split * sector, cleft), TORN, None)
    beyond = soft(np.abs(reach - mean - 2.0) - 2.0, 1.5) * soft(np.abs(height - 3) - 3.5, 2.0) * sector * free
    canvas.paint(box, beyond, TORN, None)
    torn = (np.maximum(cover, beyond) > 0.5) & (off < 26)
    canvas.labels[box][torn] = MENISCUS_TEAR


def _posterior_cruciate(canvas: Canvas) -> None:
    """The thick dark arc behind: never torn here."""
    points: tuple[Point, ...] = ((-6.0, 0.0, 15.0), (-4.0, -16.0, 12.0), (-1.0, -27.0, 2.0), (0.0, -31.0, -12.0))
    for start, end in pairwise(points):
        rod = Capsule(start, end, 4.6)
        box = canvas.box(rod.centre, rod.reach())
        canvas.paint(box, soft(rod.distance(*canvas.where(box)), 1.5), DARK)


def _anterior_cruciate(rng: np.random.Generator, knee: Knee, canvas: Canvas, bones: Array) -> None:
    """A dark band from the outer condyle's inner face down to the front of the tibia, or two stumps in a bright gap."""
    rod = Capsule((7.0, -20.0, 21.0), (0.0, 9.0, -4.0), 4.2)
    box = canvas.box(rod.centre, rod.reach())
    x, y, z = canvas.where(box)
    free = soft(-(bones[box] + 0.5), 1.4)
    fan = soft(Ellipsoid((2.0, -6.0, 7.0), (8.0, 20.0, 13.0)).distance(x, y, z), 4.0) * free
    canvas.paint(box, fan * (canvas.labels[box] == 0), 0.5, None)  # the loose tissue that it lies in
    if not knee.findings.acl:
        strands = 0.13 + 0.05 * np.sin(1.6 * (y + z))
        canvas.paint(box, soft(rod.distance(x, y, z), 1.5) * free, strands, LIGAMENT)
        return
    middle = rod.length * (rod.along(x, y, z) - knee.gap_at)
    sag = 4.0 * np.exp(-(((middle - 9.0) / 9.0) ** 2))  # the lower stump has lost its hold
    distance = rod.distance(x, y, z + sag)
    swollen = _grain(rng, x, 3)
    canvas.paint(box, soft(distance - 1.0, 2.0) * free, 0.30 + 0.08 * swollen, LIGAMENT)
    torn = soft(np.abs(middle) - GAP, 3.0) * free
    ragged = TORN + 0.25 * swollen.clip(-1.5, 1.5)
    canvas.paint(box, torn * soft(distance - 3.5, 3.0), ragged, None)
    canvas.labels[box][(torn > 0.5) & (distance < 3.5)] = LIGAMENT_TEAR


def _straps(canvas: Canvas) -> None:
    """The tendons of the kneecap, and the ligaments at both sides."""
    canvas.ellipsoid(Ellipsoid((2.0, 36.0, -10.0), (13.0, 3.0, 29.0), tilt=(0.0, 0.22, 0.0)), DARK, edge=1.5)
    canvas.ellipsoid(Ellipsoid((0.0, 43.0, 62.0), (16.0, 3.5, 28.0), tilt=(0.0, -0.12, 0.0)), DARK, edge=1.5)
    for start, end, radius in (
        ((-41.0, -2.0, 27.0), (-36.0, 2.0, -46.0), 2.2),
        ((41.0, -8.0, 26.0), (36.0, -21.0, -24.0), 2.2),
    ):
        rod = Capsule(start, end, radius)
        box = canvas.box(rod.centre, rod.reach())
        canvas.paint(box, soft(rod.distance(*canvas.where(box)), 1.5), DARK)
