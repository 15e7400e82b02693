"""COCO-WholeBody's figures: AP and AR of the body, the feet, the face and each hand.

Jin et al. 2020, arXiv:2007.11858, section 5; a part's figures are those of COCO with the part's
keypoints and sigmas alone. People without a labelled keypoint of a part count neither for nor
against it, and an answer keeps its score and the person's area.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from estimator.skeleton import Skeleton
from estimator.skeletons import coco_wholebody133

from . import coco


def evaluate(
    truth: Mapping[str, Any],
    results: Sequence[coco.Result],
    *,
    image_ids: Sequence[int | str],
    skeleton: Skeleton,
) -> dict[str, coco.Scores]:
    """The figures of every part, by name; empty for a skeleton without parts.

    Args:
      truth: annotations in COCO's format, complete.
      results: as in COCO's results file.
      image_ids: the pictures to evaluate.
      skeleton: of both.
    """
    if skeleton.keypoints != coco_wholebody133.SKELETON.keypoints:
        return {}
    found = {}
    for name, (first, end) in coco_wholebody133.PARTS.items():
        part = slice(3 * first, 3 * end)
        cut = [{**entry, "keypoints": entry["keypoints"][part]} for entry in truth["annotations"]]
        for entry in cut:
            entry["num_keypoints"] = sum(value > 0 for value in entry["keypoints"][2::3])
        evaluation = coco.evaluate(
            {**truth, "annotations": cut},
            [{**result, "keypoints": result["keypoints"][part]} for result in results],
            image_ids=image_ids,
            sigmas=skeleton.sigmas[first:end],
        )
        found[name] = evaluation.scores()
    return found
