"""What a compressed stream says of its own size: a decoder believes it, whatever the DICOM header says.

Markers: ITU T.81, annex B (JPEG), T.87, annex C (JPEG-LS), T.800, annex A (JPEG 2000).
"""

from __future__ import annotations

_START = b"\xff\xd8"
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header: C0 to CF but for three that are tables, and F7 of JPEG-LS."""
_J2K_SIZE = b"\xff\x4f\xff\x51"
_J2K_WITHIN = 4096
"""A JPEG 2000 stream may stand in a JP2 box, which is short."""


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream claims; None where it has no such header."""
    if stream.startswith(_START):
        return _of_jpeg(stream)
    at = stream.find(_J2K_SIZE, 0, _J2K_WITHIN)
    if at < 0 or len(stream) < at + 24:
        return None
    right, bottom, left, top = (int.from_bytes(stream[at + n : at + n + 4], "big") for n in (8, 12, 16, 20))
    return bottom - top, right - left


def _of_jpeg(stream: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _FRAMES:
            return int.from_bytes(stream[at + 5 : at + 7], "big"), int.from_bytes(stream[at + 7 : at + 9], "big")
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
