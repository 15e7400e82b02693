"""Regions that the loss must ignore, drawn as one mask.

A region is a COCO segmentation (cocodataset.org, "Data format"): a list of polygons
[x, y, x, y, ...], or a run-length encoding {"size": [height, width], "counts": ...}, compressed
or not. Their coordinates stay COCO's, edges of pixels from 0 to the width: pycocotools draws them.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from estimator.arrays import UInt8

MASK_SIDE = 120  # least shorter side of a reduced mask, pixels
Region: TypeAlias = Any  # list of polygons, or a run-length encoding


def rectangle(left: float, top: float, width: float, height: float) -> Region:
    """The region of a box in COCO's coordinates."""
    right, bottom = left + width, top + height
    return [[left, top, right, top, right, bottom, left, bottom]]


def draw(regions: Iterable[Region], height: int, width: int) -> UInt8:
    """Draws regions as a mask.

    Returns:
      (height, width), 255 inside any of them, 0 elsewhere.

    Raises:
      ValueError: a region is neither polygons nor an encoding, or is of another size.
    """
    mask = np.zeros((height, width), np.uint8)
    for region in regions:
        mask[coco_mask.decode(_encode(region, height, width)) > 0] = 255
    return mask


def encode_mask(mask: UInt8) -> bytes:
    """Encodes a mask for `Record.ignore`: a reduced PNG, or no bytes where the mask is empty.

    A mask is reduced by up to 4, which decodes ten times faster; a pixel is 255 where at least half
    of the pixels under it are.
    """
    if not mask.any():
        return b""
    ratio = min(4, max(1, min(mask.shape) // MASK_SIDE))
    if ratio > 1:
        below, right = -mask.shape[0] % ratio, -mask.shape[1] % ratio
        mask = cv2.copyMakeBorder(mask, 0, below, 0, right, cv2.BORDER_REPLICATE)
        size = (mask.shape[1] // ratio, mask.shape[0] // ratio)
        mask = np.where(cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 127, 255, 0)
        mask = mask.astype(np.uint8)
    # One bit per pixel decodes three times faster than eight.
    return bytes(cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1])


def _encode(region: Region, height: int, width: int) -> Any:
    if isinstance(region, dict) and {"size", "counts"} <= set(region):
        if list(region["size"]) != [height, width]:
            raise ValueError(
                f"a region is encoded for {region['size']} (height, width), the picture has "
                f"{[height, width]}"
            )
        if isinstance(region["counts"], list):
            return coco_mask.frPyObjects(region, height, width)
        return region
    polygons = [list(map(float, polygon)) for polygon in region if len(polygon) >= 6]
    if not polygons:  # a point or a line covers nothing
        return coco_mask.encode(np.zeros((height, width), np.uint8, order="F"))
    return coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
