"""Validation between steps: the AP of the network, as it would ship, on annotated pictures."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import keras

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from ..data.annotations import Choice
from ..data.picture_files import Pictures
from ..evaluation import annotations as annotation_files
from ..evaluation import network as networks
from ..evaluation.evaluate import Settings, evaluate
from .logs import HEIGHT
from .loop import Validate, shipped


def on_coco(
    annotations: str | Path,
    images: Iterable[str | Path],
    *,
    skeleton: Skeleton | None = None,
    height: int = 0,
    subset: int | None = None,
    choice: Choice | None = None,
) -> Validate:
    """Makes a function that measures COCO's AP, with the estimator's decoder.

    Args:
      annotations: COCO keypoints; read once.
      images: folders and zips with the pictures.
      skeleton: of the annotations, where it is none that ships.
      height: base height of a flexible network's input, pixels; 0 takes the training's, since a
        network finds people of the sizes that it was trained on.
      subset: number of pictures, always the same ones; None takes all.
      choice: of format, categories and keypoint names of the annotations.

    Raises:
      FileNotFoundError, ValueError: annotations or pictures are not there, or not what they
        should be.
    """
    pictures = Pictures(map(Path, images))
    people = annotation_files.read(
        annotations, known=(skeleton,) if skeleton else (), choice=choice, pictures=pictures
    ).upright(pictures)
    settings = Settings(subset=subset, draws=0)

    def validate(model: keras.Model, spec: PoseSpec, _step: int) -> Mapping[str, float]:
        network = networks.of_keras(*shipped(model, spec))
        if network.spec.image.flexible:
            network = network.with_height(height or spec.image.height)
        scores = evaluate(network, people, pictures, settings=settings).scores
        figures = {"AP": scores.ap, "AP50": scores.ap50, "AP75": scores.ap75, "AR": scores.ar}
        return figures | {HEIGHT: network.spec.image.height}

    return validate
