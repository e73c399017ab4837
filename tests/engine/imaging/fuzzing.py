"""Damaged files by the thousand, read in a process of its own with little memory: always a picture or a sentence.

    python fuzzing.py --seed 0 --count 300 [--real FOLDER]

Each case takes one healthy source (made here, or a small one of FOLDER), damages one of its files by a rule drawn from
(seed, number), and has it found, described and read. One line of JSON is printed per case, before (so that a crash is
known by its case) and after. `--case N` repeats one. Exit status 1 where any case was neither a picture nor a sentence.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import numpy as np
import pydicom
import SimpleITK
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from sagittal_engine import imaging
from sagittal_engine.imaging.dicom.segments import frame_table

SECONDS = 10
"""No file may take longer."""
MEMORY = 2**30
"""Bytes above what the libraries take; the sources are of some kilobytes."""
LARGEST_REAL = 300_000
Random = np.random.Generator


# Healthy sources ---------------------------------------------------------------------------------------------------


def make_sources(folder: Path) -> list[Path]:
    """One folder for each kind of source."""
    voxels = np.random.default_rng(1).integers(0, 900, (9, 8, 7)).astype(np.int16)
    made = []

    def place(name: str) -> Path:
        path = folder / name
        path.mkdir(parents=True)
        made.append(path)
        return path

    affine = np.diag([-2.0, 2.0, 3.0, 1.0])
    for name in ("scan.nii", "scan.nii.gz", "scan.img"):
        nibabel.save(nibabel.Nifti1Image(voxels, affine), place(f"nifti {name}") / name)
    nibabel.save(nibabel.Nifti2Image(voxels.astype(np.float32), affine), place("nifti 2") / "scan.nii")
    for name, packed in (("scan.nrrd", True), ("scan.nhdr", False), ("scan.mha", True), ("scan.mhd", False)):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(place(f"itk {name}") / name), packed)
    for name in ("picture.png", "picture.jpg", "picture.tif"):
        Image.fromarray(voxels[0].astype(np.uint8)).resize((40, 30)).save(place(name) / name)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless):
        inside = place(f"dicom {syntax.name}")
        for index in range(3):
            data = make_dicom(np.kron(voxels[index], np.ones((6, 6), np.int16)), index, syntax)
            data.save_as(inside / f"{index}.dcm", implicit_vr=syntax.is_implicit_VR, little_endian=True)
    make_enhanced(voxels).save_as(place("dicom enhanced") / "enhanced.dcm", enforce_file_format=True)
    for kind, syntax in (("BINARY", ExplicitVRLittleEndian), ("FRACTIONAL", RLELossless)):
        make_segmentation(voxels > 600, kind, syntax, place(f"dicom segmentation {kind.lower()}") / "segments.dcm")
    return made


def make_dicom(
    pixels: np.ndarray[Any, Any], index: int, syntax: pydicom.uid.UID, sop: str = CTImageStorage
) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop, generate_uid(entropy_srcs=[str(index)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    data.Modality, data.PatientID, data.InstanceNumber = "CT", "1", index + 1
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2.0 * index], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness, data.RescaleSlope, data.RescaleIntercept = [1, 1], 2, 1, -1024
    data.WindowCenter, data.WindowWidth = [40, 300], [400, 1500]
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelData = pixels.astype(np.uint16).tobytes()
    if syntax.is_compressed:
        data.compress(syntax, generate_instance_uid=False)
    return data


def make_enhanced(voxels: np.ndarray[Any, Any]) -> FileDataset:
    data = make_dicom(voxels, 0, ExplicitVRLittleEndian, EnhancedMRImageStorage)
    data.NumberOfFrames = len(voxels)
    groups = []
    for index in range(len(voxels)):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 2.0 * index]
        group.PlanePositionSequence = [position]
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = groups
    return data


def make_segmentation(segment: np.ndarray[Any, Any], kind: str, syntax: pydicom.uid.UID, path: Path) -> None:
    """One segment (slices, rows, columns), drawn on slices as `make_dicom` makes them."""
    images = [make_dicom(plane, index, ExplicitVRLittleEndian) for index, plane in enumerate(segment)]
    for image in images:
        image.FrameOfReferenceUID, image.StudyID = "1.2.3.5", "1"
        image.PatientName = image.PatientBirthDate = image.PatientSex = image.AccessionNumber = ""
        image.StudyDate = image.StudyTime = image.ReferringPhysicianName = image.SeriesNumber = ""
    described = highdicom.seg.SegmentDescription(
        1, "one", codes.SCT.Tissue, codes.SCT.Tissue, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    )
    made = highdicom.seg.Segmentation(
        images, segment[..., None].astype(np.uint8), kind, [described], "1.2.3.6", 2, "1.2.3.7", 1, "x", "x", "1", "1",
        transfer_syntax_uid=syntax,
    )  # fmt: skip
    made.save_as(path)
    frame_table(made).close()


def real_sources(folder: Path) -> list[Path]:
    """Small files of the odd folders, each by itself."""
    files = [path for name in ("edge_dicom", "edge_nifti", "edge_nrrd") for path in sorted((folder / name).rglob("*"))]
    return [path for path in files if path.is_file() and path.stat().st_size <= LARGEST_REAL and path.suffix != ".txt"]


# Damage ------------------------------------------------------------------------------------------------------------


def somewhere(random: Random, size: int) -> int:
    """A place in a file, in its header two times out of three."""
    return int(random.integers(max(1, min(size, 1500) if random.random() < 0.67 else size)))


def truncate(block: bytes, random: Random) -> bytes:
    return block[: somewhere(random, len(block))]


def flip(block: bytes, random: Random) -> bytes:
    changed = bytearray(block)
    for _ in range(int(random.integers(1, 9))):
        changed[somewhere(random, len(block))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def extremes(block: bytes, random: Random) -> bytes:
    """Numbers of the header become the largest, the smallest, not a number."""
    values = (
        b"\xff",
        b"\0",
        b"\x7f",
        b"\xff\xff\xff\x7f",
        b"\0\0\0\x80",
        b"\x7f\xff\xff\xff",
        b"\0\0\xc0\x7f",
        b"\1\0\0\0",
    )
    changed = bytearray(block)
    for _ in range(int(random.integers(1, 4))):
        value = values[int(random.integers(len(values)))]
        at = somewhere(random, max(1, len(block) - len(value))) // 2 * 2
        changed[at : at + len(value)] = value
    return bytes(changed[: len(block)])


def swap(block: bytes, random: Random) -> bytes:
    """Two stretches of the file change places."""
    size = int(random.integers(2, 17))
    one, two = (somewhere(random, max(1, len(block) - size)) for _ in range(2))
    changed = bytearray(block)
    changed[one : one + size], changed[two : two + size] = block[two : two + size], block[one : one + size]
    return bytes(changed)


def cut_or_insert(block: bytes, random: Random) -> bytes:
    at, size = somewhere(random, len(block)), int(random.integers(1, 40))
    return block[:at] + (random.bytes(size) + block[at:] if random.random() < 0.5 else block[at + size :])


def rewrite_number(block: bytes, random: Random) -> bytes:
    """A number written in words of a text header (or a DICOM decimal string) becomes an odd one."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", block[:3000]))
    if not found:
        return flip(block, random)
    odd = (b"99999999999", b"-1", b"0", b"nan", b"1e309", b"", b"2147483647", b"0.00000001", b"x")
    one = found[int(random.integers(len(found)))]
    return block[: one.start()] + odd[int(random.integers(len(odd)))] + block[one.end() :]


def rewrite_element(block: bytes, random: Random) -> bytes:
    """A value of a DICOM header becomes one that its element may not have, in a file that is otherwise sound."""
    import io

    try:
        data = pydicom.dcmread(io.BytesIO(block))
        groups = (0x8, 0x18, 0x20, 0x28, 0x62, 0x5200)
        elements = [one for one in data.iterall() if one.tag.group in groups and one.VR != "SQ"]
        one = elements[int(random.integers(len(elements)))]
        odd = {"US": (0, 1, 7, 65535), "IS": ("0", "-1", "999999999", "1A"), "DS": ("nan", "0", "-1", "1e300", "x")}
        values = odd.get(one.VR, ("", "MONOCHROME1", "RGB", "PALETTE COLOR", "\\".join("9" * 5), "1.2.3"))
        one.value = values[int(random.integers(len(values)))]
        out = io.BytesIO()
        data.save_as(out)
        return out.getvalue()
    except Exception:  # not DICOM, or a value that cannot even be written
        return flip(block, random)


RULES: list[Callable[[bytes, Random], bytes]] = [
    truncate, flip, extremes, swap, cut_or_insert, rewrite_number, rewrite_element,
]  # fmt: skip


def damage(path: Path, random: Random) -> str:
    """Damages one file, what is inside gzip half of the time; returns the rule's name."""
    rule, block = RULES[int(random.integers(len(RULES)))], path.read_bytes()
    if block[:2] == b"\x1f\x8b" and random.random() < 0.5:
        path.write_bytes(gzip.compress(rule(gzip.decompress(block), random), 1, mtime=0))
        return f"{rule.__name__} inside gzip"
    path.write_bytes(rule(block, random))
    return rule.__name__


# Reading -----------------------------------------------------------------------------------------------------------


def read_all(folder: Path) -> list[str]:
    """Finds and reads all that is in `folder`; returns what is wrong with the outcome (nothing, it is hoped)."""
    found = imaging.discover([folder])
    sentences = [refusal.reason for refusal in found.refused]
    told = {refusal.path for refusal in found.refused}
    for item in found.items:
        told |= {*item.files, *item.companions}
        for act in (imaging.probe, imaging.glimpse, imaging.read):
            try:
                outcome = act(item)
                if act is imaging.read:
                    assert outcome.data.shape[:3] == outcome.header.shape
                    _ = outcome.window, outcome.warnings
            except imaging.ImagingError as error:
                sentences.append(str(error))
    problems = [f"not a sentence: {text!r}" for text in sentences if not is_sentence(text)]
    problems += [f"takes memory: {text}" for text in sentences if "more memory" in text or "too small" in text]
    untold = [path.name for path in folder.rglob("*") if path.is_file() and path not in told]
    return problems + [f"says nothing of {name}" for name in untold]


def is_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and 10 < len(text) < 500 and "Traceback" not in text


def run_case(seed: int, number: int, sources: list[Path], folder: Path) -> list[str]:
    random = np.random.default_rng([seed, number])
    source = sources[int(random.integers(len(sources)))]
    place = folder / str(number)
    if source.is_dir():
        shutil.copytree(source, place)
    else:
        place.mkdir()
        shutil.copy(source, place)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    rule = damage(files[int(random.integers(len(files)))], random)
    say({"case": number, "source": source.name, "rule": rule})
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    begun = time.process_time()  # a busy machine is no fault of a reader; one that waits for ever meets the dump
    try:
        problems = read_all(place)
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}"]
    took = time.process_time() - begun
    faulthandler.cancel_dump_traceback_later()
    shutil.rmtree(place)
    return problems + ([f"took {took:.1f} s"] if took > SECONDS else [])


def say(document: dict[str, Any]) -> None:
    """A line at once, so that the last one names the case that a crash was in."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def limit_memory() -> None:
    """Caps what this process may allocate from now on, where the system can (Linux)."""
    try:
        import resource

        taken = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    except (ImportError, OSError):
        return
    limit = int(taken.split()[1]) * 1024 + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--case", type=int)
    parser.add_argument("--real", type=Path)
    given = parser.parse_args()
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        sources = make_sources(Path(temporary) / "healthy") + (real_sources(given.real) if given.real else [])
        for source in sources[: len(sources)]:
            if source.is_dir() and (problems := read_all(source)):
                raise SystemExit(f"a healthy source is not read: {source.name}: {problems}")
        limit_memory()
        for number in [given.case] if given.case is not None else range(given.count):
            problems = run_case(given.seed, number, sources, Path(temporary))
            bad += bool(problems)
            if problems:
                say({"case": number, "problems": problems})
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
