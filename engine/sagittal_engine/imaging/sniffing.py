"""What a file is, told from its first bytes, and why a file that is no image is not used."""

from __future__ import annotations

import gzip
import zlib
from enum import Enum
from pathlib import Path

_READ = "Sagittal reads NIfTI, NRRD, MetaImage, DICOM, PNG, JPEG, TIFF and BMP"

_PICTURE_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".bmp")

_ANALYZE_SIZES = (b"\x5c\x01\0\0", b"\0\0\x01\x5c")
"""348, the size of an Analyze 7.5 header, in either byte order."""


NIFTI_2_MARKS = (b"n+2\0", b"ni2\0")


class Kind(Enum):
    """What a file's beginning says."""

    NIFTI = "nifti"
    NRRD = "nrrd"
    METAIMAGE = "metaimage"
    DICOM = "dicom"
    IMAGE = "image"
    OTHER = "other"


def is_nifti(head: bytes) -> bool:
    """Whether a file (unpacked) that begins so is NIfTI."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in NIFTI_2_MARKS


def is_nifti_pair(head: bytes) -> bool:
    """Whether the voxels lie in an .img file beside this NIfTI header."""
    return head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0"


def beginning(path: Path, size: int = 560) -> bytes:
    """The first bytes of a file, unpacked where it is gzip; raises `OSError` where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(size)
    if head[:2] != b"\x1f\x8b":
        return head
    try:
        with gzip.open(path, "rb") as packed:
            return packed.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return head


def kind_of(path: Path) -> Kind:
    """The kind of a file by its content; raises `OSError` where it cannot be read."""
    head, ending = beginning(path), path.suffix.lower()
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if is_nifti(head):
        return Kind.NIFTI
    if head[:7] == b"NRRD000":
        return Kind.NRRD
    if ending in (".mhd", ".mha") and b"=" in head:
        return Kind.METAIMAGE
    if head.startswith(_PICTURE_MARKS) or (head[:2] == b"BM" and ending == ".bmp"):
        return Kind.IMAGE
    return Kind.OTHER


def why_not(path: Path) -> str:
    """One sentence on why a file of kind `OTHER` is not used."""
    name, lowered = path.name, path.name.lower()
    head = beginning(path)
    if name in (".DS_Store", "Thumbs.db", "desktop.ini") or name.startswith("._"):
        return f"{name} is a file of the operating system, not an image."
    if not head:
        return f"{name} is empty."
    if lowered.endswith(".gz") and head[:2] == b"\x1f\x8b":
        return f"{name} is damaged: it cannot be unpacked. Copy it again."
    if lowered.endswith(".labels.json"):
        return f"{name} names the labels of a label map that is not here."
    if lowered.endswith((".hdr", ".hdr.gz")) and head[:4] in _ANALYZE_SIZES:
        return f"{name} is in the Analyze 7.5 format, which does not tell left from right. Convert it to NIfTI."
    if lowered.endswith((".nii", ".nii.gz", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd")) or lowered.endswith(_PICTURES):
        return f"{name} is damaged: its content is not what its ending says. Copy or export it again."
    if lowered.endswith((".dcm", ".dicom", ".ima")):
        return f"{name} is no valid DICOM file: its mark 'DICM' is missing. Export it again from the archive."
    if lowered.endswith((".img", ".img.gz", ".raw", ".zraw", ".bin")):
        return f"{name} holds bare values, and no header that refers to it is here. Import it together with its header."
    if lowered.endswith((".mgz", ".mgh")):
        return f"{name} is in FreeSurfer's format, which is not read. Convert it with mri_convert to NIfTI."
    if lowered.endswith((".head", ".brik", ".brik.gz")):
        return f"{name} is in AFNI's format, which is not read. Convert it with 3dAFNItoNIFTI."
    if lowered.endswith((".zip", ".tar", ".tgz", ".7z", ".rar", ".tar.gz")):
        return f"{name} is an archive. Unpack it and import what is inside."
    if lowered.endswith((".npy", ".pck", ".pkl", ".mat")):
        return (
            f"{name} holds bare numbers and does not say what they are. It is read as part of a data set whose folders"
            " are known (MRNet, KneeMRI, ORIGA), or through a table with the columns exam, plane and path."
        )
    if lowered.endswith((".gif", ".webp", ".jp2", ".heic")):
        return f"{name} is a picture of a kind that is not read. Save it as PNG or TIFF."
    return f"{name} is not an image file. {_READ}."
