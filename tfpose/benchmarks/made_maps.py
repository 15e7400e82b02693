"""Maps of people who were never photographed: what a perfect network would answer.

Heatmaps are Gaussians, the largest of all people's; fields are unit vectors within `thickness` of
a limb, the mean where limbs of a kind overlap (Cao et al. 2017, arXiv:1611.08050, section 2.2).
"""

import numpy as np

from estimator.arrays import Float
from estimator.geometry import map_to_input
from estimator.layout import OutputSpec
from estimator.skeleton import Skeleton


def crowd(skeleton: Skeleton, people: int, height: int, width: int, *, seed: int = 0) -> Float:
    """People in rows, (people, K, 2) in pixels: a person's keypoints lie about an ellipse.

    Neighbours overlap a little where there are many. Everybody is whole and inside.

    Args:
      skeleton: any.
      people: at least 1.
      height, width: of the network's input, pixels.
      seed: of sizes and turns.
    """
    rng = np.random.default_rng(seed)
    columns = int(np.ceil(np.sqrt(people * width / height)))
    rows = -(-people // columns)
    row, column = np.divmod(np.arange(people), columns)
    middle = np.stack([(column + 0.5) * width / columns, (row + 0.5) * height / rows], axis=1)
    count = len(skeleton.keypoints)
    angle = 2 * np.pi * (np.arange(count) / count + rng.random((people, 1)))  # (people, K)
    reach = rng.uniform(0.36, 0.44, (people, 1, 1)) * (width / columns, height / rows)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    xy: Float = (middle[:, None] + reach * circle).astype(np.float32)
    return xy


def render(
    xy: Float, skeleton: Skeleton, outputs: OutputSpec, height: int, width: int
) -> dict[str, Float]:
    """The maps of those people.

    Args:
      xy: (N, K, 2) keypoints in pixels of the network's input; NaN is absent.
      skeleton: has K keypoints and L limbs.
      outputs: stride, sigma, thickness, and whether there is a background channel.
      height, width: of the maps, cells.

    Returns:
      `heatmaps` (height, width, K or K + 1) and `pafs` (height, width, 2 L).
    """
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cells = map_to_input(np.stack([x, y], axis=2), outputs.stride)  # (h, w, 2), input pixels
    heatmaps = np.zeros((height, width, len(skeleton.keypoints)), np.float32)
    pafs = np.zeros((height, width, len(skeleton.limbs), 2), np.float32)
    for person in xy:
        for keypoint, place in enumerate(person):
            squares = np.nan_to_num(((cells - place) ** 2).sum(axis=2), nan=np.inf)
            gaussian = np.exp(-squares / (2 * outputs.sigma**2))
            heatmaps[..., keypoint] = np.maximum(heatmaps[..., keypoint], gaussian)
    for limb, (first, second) in enumerate(skeleton.limbs):
        pafs[..., limb, :] = _field(cells, xy[:, first], xy[:, second], outputs)
    if outputs.background:
        heatmaps = np.concatenate([heatmaps, 1 - heatmaps.max(axis=2, keepdims=True)], axis=2)
    return {"heatmaps": heatmaps, "pafs": pafs.reshape(height, width, -1)}


def _field(cells: Float, starts: Float, ends: Float, outputs: OutputSpec) -> Float:
    """One limb's field (h, w, 2) of all people."""
    total = np.zeros_like(cells)
    count = np.zeros((*cells.shape[:2], 1), np.float32)
    reach = outputs.paf_thickness * outputs.stride
    for start, end in zip(starts, ends, strict=True):
        length = float(np.hypot(*(end - start)))
        if not length > 0:  # NaN, too
            continue
        unit = (end - start) / length
        along = (cells - start) @ unit
        across = np.abs((cells - start) @ np.array([-unit[1], unit[0]], np.float32))
        inside = (across <= reach) & (along >= -reach) & (along <= length + reach)
        total[inside] += unit
        count[inside] += 1
    total /= np.maximum(count, 1)
    return total
