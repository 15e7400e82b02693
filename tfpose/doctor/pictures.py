"""What can be told from the picture files: missing, damaged, lying, there twice.

Similar pictures are those with nearly the same difference hash (N. Krawetz, "Kind of Like That",
2013): which of two neighbouring cells of a 9 x 8 reduction is brighter, 64 bits. It sees through
another size, quality or format, not through a crop or a flip.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
from tqdm import tqdm

from estimator import picture_header

from ..picture_files import BadPicture
from ..pose_set import PoseSet
from ..records import Sample
from .findings import Finding

NEAR = 3  # bits in which the hashes of similar pictures may differ
BANDS = 4  # of a hash: of two that differ in 3 bits, one band is the same
FLAT = 12  # bits that a hash must have of each kind; flat pictures all look the same


def examine(sets: Mapping[str, PoseSet], *, read: bool) -> Iterator[Finding]:
    """Finds what is wrong with picture files.

    Args:
      sets: the splits.
      read: False only looks whether the files are there.
    """
    used = {
        place
        for part in sets.values()
        for sample in part.samples
        if (place := part.pictures.find(sample.picture)) is not None
    }
    for pictures in {id(part.pictures): part.pictures for part in sets.values()}.values():
        spare = [name for name in pictures.names() if pictures.find(name) not in used]
        yield from (Finding(kind="picture_without_annotation", picture=name) for name in spare)
    same: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    looks: dict[tuple[str, str], bytes] = {}
    total = sum(len(part.samples) for part in sets.values())
    with tqdm(total=total, unit="picture", desc="examining", disable=not read) as bar:
        for split, part in sets.items():
            for sample in part.samples:
                bar.update(1)
                if part.pictures.find(sample.picture) is None:
                    yield Finding(kind="missing_picture", split=split, picture=sample.picture)
                elif read:
                    yield from _read(split, part, sample, same, looks)
    for group in same.values():
        (first_split, first), *others = group
        for split, picture in others:
            kind = "same_picture_twice" if split == first_split else "in_two_splits"
            detail = f"as {first_split} {first}"
            yield Finding(kind=kind, split=split, picture=picture, detail=detail)
            looks.pop((split, picture), None)  # said already
    yield from _similar(looks)


def _read(
    split: str,
    part: PoseSet,
    sample: Sample,
    same: dict[bytes, list[tuple[str, str]]],
    looks: dict[tuple[str, str], bytes],
) -> Iterator[Finding]:
    here = (split, sample.picture)
    try:
        picture, height, width = part.picture(sample)
    except BadPicture as problem:
        yield Finding(
            kind="unreadable_picture", split=split, picture=sample.picture, detail=str(problem)
        )
        return
    try:
        part.mask(sample, height, width)
    except ValueError as problem:
        yield Finding(kind="bad_number", split=split, picture=sample.picture, detail=str(problem))
    if (orientation := picture_header.read(picture).orientation) != 1:
        detail = f"EXIF orientation {orientation}"
        yield Finding(kind="sideways_picture", split=split, picture=sample.picture, detail=detail)
    same[hashlib.sha256(picture).digest()].append(here)
    if (look := difference_hash(picture)) is not None:
        looks[here] = look


def difference_hash(picture: bytes) -> bytes | None:
    """8 bytes that similar pictures share; None for one too flat to tell."""
    grey = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None:
        return None
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = small[:, 1:] > small[:, :-1]
    return None if min(bits.sum(), (~bits).sum()) < FLAT else np.packbits(bits).tobytes()


def _similar(looks: Mapping[tuple[str, str], bytes]) -> Iterator[Finding]:
    """Pictures whose hash is near that of an earlier one."""
    bands: dict[tuple[int, bytes], list[tuple[str, str]]] = defaultdict(list)
    for here, look in looks.items():
        keys = [(band, look[2 * band : 2 * band + 2]) for band in range(BANDS)]
        for other in (other for key in keys for other in bands[key]):
            apart = (int.from_bytes(look, "big") ^ int.from_bytes(looks[other], "big")).bit_count()
            if apart <= NEAR:
                detail = f"as {other[0]} {other[1]}"
                yield Finding(kind="similar_picture", split=here[0], picture=here[1], detail=detail)
                break
        for key in keys:
            bands[key].append(here)
