"""One rule for Exif orientation: pictures are upright everywhere, and so are their labels.

Cameras store pictures as the sensor read them and note how to turn them (Exif's tag Orientation,
1..8; TIFF 6.0). Some labelling tools show the stored pixels, others the upright picture. Where the
turn exchanges height and width, the annotation's sizes tell which it was. Where it does not (a
half turn, a mirror image, a square picture, no sizes), nothing does: such a picture is undecided.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from estimator import pictures as upright_pictures
from estimator.pictures.header import Header
from estimator.skeleton import Skeleton

from ..ignore_regions import Region, draw
from ..picture_files import Pictures
from .labels import KEYPOINT_SHIFT, Annotations, Box, Image, ImageId, Person

Points: TypeAlias = npt.NDArray[Any]
MIRRORED = frozenset({2, 4, 5, 7})  # left and right change places, too
SLACK = 2.0  # pixels by which a label may lie outside its picture
DOUBT = 0.1  # share of the turned pictures that may contradict their sizes
FIX = (
    "turn the pixels once and save without the tag (`mogrify -auto-orient` where the labels are of "
    "the upright picture), or remove the tag (`exiftool -Orientation= `) where they are of the "
    "stored one"
)


def upright(found: Annotations, skeleton: Skeleton, pictures: Pictures) -> Annotations:
    """Turns labels of stored pixels with their pictures.

    Args:
      found: annotations with the skeleton's keypoints.
      skeleton: says which keypoints change places in a mirrored picture.
      pictures: where the pictures lie; those that are missing stay as they are.

    Returns:
      The annotations with labels and sizes of the upright pictures. Pictures with labels of which
      nothing tells how they lie are `undecided`.
    """
    stored, undecided = _sort(found, pictures)
    against = [image_id for image_id, header in stored.items() if _outside(found, image_id, header)]
    if len(against) > DOUBT * len(stored):
        against = list(stored)
    for image_id in against:
        name = found.images[image_id].file_name
        undecided[image_id] = (
            f"{name}: the annotation has the size of the stored picture (EXIF orientation "
            f"{stored.pop(image_id).orientation}), but labels lie outside it: {FIX}"
        )
    if not stored and not undecided:
        return found
    images, people = dict(found.images), dict(found.people)
    for image_id, header in stored.items():
        images[image_id] = turn_image(images[image_id], header)
        people[image_id] = [
            turn_person(person, header, skeleton) for person in people.get(image_id, ())
        ]
    turned = sum(bool(found.people.get(image_id)) for image_id in stored)
    changed = {"EXIF: labels of stored pixels turned upright, pictures": turned} if turned else {}
    return dataclasses.replace(
        found,
        images=images,
        people=people,
        changed=dict(found.changed) | changed,
        undecided=undecided,
    )


def _sort(
    found: Annotations, pictures: Pictures
) -> tuple[dict[ImageId, Header], dict[ImageId, str]]:
    """The pictures whose labels are of stored pixels, and why others can't be told."""
    stored: dict[ImageId, Header] = {}
    undecided: dict[ImageId, str] = {}
    for image_id, image in found.images.items():
        header = pictures.header(image.file_name)
        if header is None or header.orientation == 1 or not header.height:
            continue
        as_stored = (header.height, header.width)
        said = (image.height, image.width)
        if as_stored != header.upright and None not in said:
            if said == as_stored:
                stored[image_id] = header
            continue  # upright, or of no size of this picture, which the reader will say
        if found.people.get(image_id) or image.regions:
            sizes = "no size is annotated" if None in said else "its size is the same either way"
            undecided[image_id] = (
                f"{image.file_name} is stored turned (EXIF orientation {header.orientation}), "
                f"{sizes}, and so nothing tells whether its labels are of the stored or of the "
                f"upright picture: {FIX}"
            )
    return stored, undecided


def _outside(found: Annotations, image_id: ImageId, header: Header) -> bool:
    """Whether labels leave the stored picture and fit the upright one."""
    labelled = [
        person.keypoints[person.keypoints[:, 2] > 0, :2]
        for person in found.people.get(image_id, ())
    ]
    points = np.concatenate([np.zeros((0, 2), np.float32), *labelled])
    if not len(points):
        return False
    reach = points.max(axis=0)

    def leaves(height: int, width: int) -> bool:
        return bool(reach[0] > width - 1 + SLACK or reach[1] > height - 1 + SLACK)

    return leaves(header.height, header.width) and not leaves(*header.upright)


def turn_image(image: Image, header: Header) -> Image:
    """An image's size and regions, upright."""
    height, width = header.upright
    return dataclasses.replace(
        image,
        height=height,
        width=width,
        regions=tuple(turn_region(region, header) for region in image.regions),
    )


def turn_person(person: Person, header: Header, skeleton: Skeleton) -> Person:
    """A person of stored pixels, upright; in a mirrored picture left and right change places."""
    keypoints = person.keypoints.copy()
    labelled = keypoints[:, 2] > 0
    keypoints[labelled, :2] = (
        _turned(keypoints[labelled, :2] - KEYPOINT_SHIFT, header, 1.0) + KEYPOINT_SHIFT
    )
    if header.orientation in MIRRORED:
        keypoints = keypoints[list(skeleton.flip_order)]
    return dataclasses.replace(
        person,
        keypoints=keypoints,
        box=_turn_box(person.box, header),
        region=None if person.region is None else turn_region(person.region, header),
    )


def _turn_box(box: Box, header: Header) -> Box:
    left, top, width, height = box
    corners = np.array([[left, top], [left + width, top + height]], np.float64)
    turned = _turned(corners, header, 0.0)
    low, high = turned.min(axis=0), turned.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def turn_region(region: Region, header: Header) -> Region:
    """Polygons by their corners; run lengths as the mask that they are."""
    if isinstance(region, Mapping):
        mask = draw([region], header.height, header.width)
        turned = upright_pictures.turn(mask, header.orientation)
        encoded: dict[str, Any] = coco_mask.encode(np.asfortranarray(turned > 0, np.uint8))
        return {"size": list(encoded["size"]), "counts": encoded["counts"].decode()}
    return [
        _turned(np.reshape(np.asarray(polygon, np.float64), (-1, 2)), header, 0.0).ravel().tolist()
        for polygon in region
    ]


def _turned(points: Points, header: Header, last: float) -> Points:
    """Points (N, 2) of the stored picture in the upright one.

    Args:
      points: x, y.
      header: of the picture.
      last: 1 for indices of pixels, whose last is the length - 1; 0 for edges.
    """
    height, width = header.upright
    turned = points[:, ::-1].copy() if header.orientation >= 5 else points.copy()
    if header.orientation in upright_pictures.FLIPPED_X:
        turned[:, 0] = width - last - turned[:, 0]
    if header.orientation in upright_pictures.FLIPPED_Y:
        turned[:, 1] = height - last - turned[:, 1]
    return turned
