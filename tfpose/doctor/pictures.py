"""Faults of picture files: missing, damaged, rotated by EXIF, or duplicated.

Similar pictures have nearly the same difference hash (N. Krawetz, "Kind of Like That", 2013): 64
bits, which of two neighbouring cells of a 9 x 8 reduction is brighter. The hash survives another
size, quality or format, but no crop and no flip.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from tqdm import tqdm

from ..data.picture_files import BadPicture
from ..data.pose_set import PoseSet
from ..data.records import Sample
from .findings import Finding

NEAR = 3  # bits in which the hashes of similar pictures may differ
BANDS = 4  # of a hash: two hashes that differ in 3 bits share a band
FLAT = 12  # least number of zeros and of ones in a hash; flat pictures all look the same


Here = tuple[str, str]  # split and picture


@dataclass(kw_only=True, eq=False)
class _Seen:
    """The pictures read so far.

    Attributes:
      copies: pictures by the SHA-256 of their bytes.
      hashes: difference hash of each picture that is not too flat.
    """

    copies: dict[bytes, list[Here]] = field(default_factory=lambda: defaultdict(list))
    hashes: dict[Here, bytes] = field(default_factory=dict)

    def add(self, here: Here, picture: bytes) -> None:
        self.copies[hashlib.sha256(picture).digest()].append(here)
        if (found := difference_hash(picture)) is not None:
            self.hashes[here] = found


def examine(sets: Mapping[str, PoseSet], *, read: bool) -> Iterator[Finding]:
    """Finds faults of picture files.

    Args:
      sets: the splits.
      read: False only checks whether the files exist.
    """
    yield from _without_annotation(sets)
    seen = _Seen()
    total = sum(len(part.samples) for part in sets.values())
    with tqdm(total=total, unit="picture", desc="examining", disable=not read) as bar:
        for split, part in sets.items():
            for sample in part.samples:
                bar.update(1)
                if part.pictures.find(sample.picture) is None:
                    yield Finding(kind="missing_picture", split=split, picture=sample.picture)
                elif read:
                    yield from _read((split, sample.picture), part, sample, seen)
    yield from _copies(seen)
    yield from _similar(seen.hashes)


def _without_annotation(sets: Mapping[str, PoseSet]) -> Iterator[Finding]:
    used = {
        place
        for part in sets.values()
        for sample in part.samples
        if (place := part.pictures.find(sample.picture)) is not None
    }
    for pictures in {id(part.pictures): part.pictures for part in sets.values()}.values():
        if pictures.passed_over:
            detail = f"{pictures.passed_over} files"
            yield Finding(kind="file_of_the_system", detail=detail)
        for name in pictures.names():
            if pictures.find(name) not in used:
                yield Finding(kind="picture_without_annotation", picture=name)


def _read(here: Here, part: PoseSet, sample: Sample, seen: _Seen) -> Iterator[Finding]:
    """Reads a picture and its mask; what can be read is added to `seen`."""
    split, name = here
    try:
        picture, height, width = part.picture(sample)
    except BadPicture as problem:
        yield Finding(kind="unreadable_picture", split=split, picture=name, detail=str(problem))
        return
    try:
        part.mask(sample, height, width)
    except ValueError as problem:
        yield Finding(kind="bad_number", split=split, picture=name, detail=str(problem))
    seen.add(here, picture)


def _copies(seen: _Seen) -> Iterator[Finding]:
    """Pictures with the same bytes; only the first of them stays among the hashes."""
    for (first_split, first), *others in seen.copies.values():
        for split, picture in others:
            kind = "same_picture_twice" if split == first_split else "in_two_splits"
            detail = f"as {first_split} {first}"
            yield Finding(kind=kind, split=split, picture=picture, detail=detail)
            seen.hashes.pop((split, picture), None)


def difference_hash(picture: bytes) -> bytes | None:
    """The hash of a picture, 8 bytes; None for one that is too flat."""
    grey = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None:
        return None
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = small[:, 1:] > small[:, :-1]
    return None if min(bits.sum(), (~bits).sum()) < FLAT else np.packbits(bits).tobytes()


def _similar(hashes: Mapping[Here, bytes]) -> Iterator[Finding]:
    """Pictures whose hash is near that of an earlier one."""
    bands: dict[tuple[int, bytes], list[Here]] = defaultdict(list)
    for here, found in hashes.items():
        keys = [(band, found[2 * band : 2 * band + 2]) for band in range(BANDS)]
        for other in (other for key in keys for other in bands[key]):
            if _bits_apart(found, hashes[other]) <= NEAR:
                detail = f"as {other[0]} {other[1]}"
                yield Finding(kind="similar_picture", split=here[0], picture=here[1], detail=detail)
                break
        for key in keys:
            bands[key].append(here)


def _bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
