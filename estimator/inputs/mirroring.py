"""Mirroring: what a picture's maps become when the picture is mirrored left to right.

Left and right keypoints change places, and so do the limbs between them; the x component of every
field changes its sign. Whoever mirrors maps takes the indices and signs from here.
"""

from collections.abc import Mapping

import numpy as np

from ..arrays import Float
from ..layout import BOXES
from ..people.box_map import mirrored as mirrored_boxes
from ..skeleton import Skeleton
from ..spec import PoseSpec


def merge_mirrored(
    maps: Mapping[str, Float], mirrored: Mapping[str, Float], spec: PoseSpec
) -> dict[str, Float]:
    """The mean of the maps of a picture and of its mirror image, mirrored back.

    Left and right change places, and the x component of every field changes its sign; bins along x
    are read backwards. Maps of a
    network whose cells are not centred on their pixels (HRNet's weights; `offset` of the decoder)
    are first shifted by whole cells, as HRNet's SHIFT_HEATMAP does.

    Args:
      maps: `heatmaps` (..., h, w, K or K + 1), maybe `pafs` (..., h, w, 2L) and `person_boxes`
        (..., h, w, 5), or that alone; or `simcc_x` and `simcc_y`, (..., K, bins).
      mirrored: the same for the mirrored picture.
      spec: of the network.

    Raises:
      ValueError: a limb has no mirrored limb, or shapes are not the spec's.
    """
    offset = getattr(spec.decoder, "offset", 0.0)  # pixels; mirroring doubles it
    if spec.outputs.simcc:
        shift = round(-2 * offset * spec.outputs.simcc)
        return merge_flipped_bins(maps, mirrored, spec.skeleton, shift=shift)
    merged = {}
    if "heatmaps" in maps:
        merged["heatmaps"] = merge_flipped(
            maps["heatmaps"],
            mirrored["heatmaps"],
            spec.skeleton,
            shift=round(-2 * offset / spec.outputs.stride),
        )
    if "pafs" in maps:
        channels, signs = mirrored_fields(spec.skeleton)
        back = mirrored["pafs"][..., ::-1, channels] * signs
        merged["pafs"] = ((maps["pafs"] + back) / 2).astype(np.float32)
    if BOXES in maps:
        merged[BOXES] = ((maps[BOXES] + mirrored_boxes(mirrored[BOXES])) / 2).astype(np.float32)
    return merged


def heatmap_order(skeleton: Skeleton, *, background: bool) -> list[int]:
    """The channel that each heatmap comes from when a picture is mirrored, K or K + 1 indices."""
    count = len(skeleton.keypoints)
    return [*skeleton.flip_order, *([count] if background else [])]


def mirrored_fields(skeleton: Skeleton) -> tuple[list[int], Float]:
    """The channel that each field channel comes from when a picture is mirrored, and its sign.

    Returns:
      2L indices, and (2L,) signs, 1 or -1.

    Raises:
      ValueError: a limb has no mirrored limb; says which.
    """
    order = skeleton.flip_order
    place = {limb: index for index, limb in enumerate(skeleton.limbs)}
    channels: list[int] = []
    signs: list[float] = []
    for start, end in skeleton.limbs:
        mirrored = (order[start], order[end])
        if mirrored not in place and mirrored[::-1] not in place:
            raise ValueError(
                f"skeleton {skeleton.name!r} has the limb {(start, end)} but not its mirror "
                f"{mirrored}: its fields cannot be averaged over a mirrored picture"
            )
        along = 1.0 if mirrored in place else -1.0  # -1: the mirrored limb runs the other way
        limb = place.get(mirrored, place.get(mirrored[::-1], -1))
        channels += [2 * limb, 2 * limb + 1]
        signs += [-along, along]
    return channels, np.array(signs, np.float32)


def merge_flipped(heatmaps: Float, flipped: Float, skeleton: Skeleton, *, shift: int = 0) -> Float:
    """The mean of the heatmaps of a picture and of its mirror image.

    In our convention both coincide exactly. The cells of HRNet's own weights lie at input
    i * stride (`offset` of the heatmap decoder), so that mirrored maps are 3/4 of a cell off at
    stride 4; its SHIFT_HEATMAP moves them right by `shift` 1.

    Args:
      heatmaps: (..., h, w, K) or with background.
      flipped: the same shape, of the picture mirrored left to right.
      skeleton: says which keypoints change sides.
      shift: number of cells; the first columns keep their values, as in HRNet.

    Raises:
      ValueError: the shapes differ or are not the skeleton's.
    """
    count, channels = len(skeleton.keypoints), heatmaps.shape[-1]
    if heatmaps.shape != flipped.shape or heatmaps.ndim < 3 or channels - count not in (0, 1):
        raise ValueError(
            f"both maps must have the shape (..., h, w, {count}), or {count + 1} with background, "
            f"found {heatmaps.shape} and {flipped.shape}"
        )
    if shift < 0:
        raise ValueError(f"shift must be at least 0, found {shift}")
    order = heatmap_order(skeleton, background=channels > count)
    back = flipped[..., ::-1, :][..., order]
    if shift:
        moved = back.copy()
        moved[..., shift:, :] = back[..., :-shift, :]
        back = moved
    return ((heatmaps + back) / 2).astype(np.float32)


def merge_flipped_bins(
    bins: Mapping[str, Float], flipped: Mapping[str, Float], skeleton: Skeleton, *, shift: int = 0
) -> dict[str, Float]:
    """The mean of the bins of a picture and of its mirror image.

    Args:
      bins: `simcc_x` (..., K, X) and `simcc_y` (..., K, Y).
      flipped: the same shapes, of the picture mirrored left to right.
      skeleton: says which keypoints change sides.
      shift: number of bins by which mirrored `simcc_x` is moved right, or left where negative; bins
        that nothing moves to keep their values. mmpose's weights need -1, since their bin i lies at
        pixel i / 2; mmpose itself moves nothing and is half a bin off.

    Raises:
      ValueError: the shapes differ or are not the skeleton's.
    """
    order = list(skeleton.flip_order)
    merged = {}
    for name in ("simcc_x", "simcc_y"):
        if bins[name].shape != flipped[name].shape or bins[name].shape[-2] != len(order):
            raise ValueError(
                f"both {name} must have the shape (..., {len(order)}, bins), found "
                f"{bins[name].shape} and {flipped[name].shape}"
            )
        back = flipped[name][..., order, :]
        if name == "simcc_x":
            back = _moved(back[..., ::-1], shift)
        merged[name] = ((bins[name] + back) / 2).astype(np.float32)
    return merged


def _moved(bins: Float, shift: int) -> Float:
    """Bins moved along the last axis."""
    moved = bins.copy()
    if shift > 0:
        moved[..., shift:] = bins[..., :-shift]
    elif shift < 0:
        moved[..., :shift] = bins[..., -shift:]
    return moved
