"""Validation between steps on MPII: PCKh of the network, as it would ship."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import keras

from estimator.spec import PoseSpec

from ..data.picture_files import Pictures
from ..evaluation import mpii
from ..evaluation import network as networks
from ..evaluation.metrics import pckh
from .loop import Validate, shipped


def on_mpii(people: str | Path, truth: str | Path, images: Iterable[str | Path]) -> Validate:
    """Makes a function that measures PCKh at 0.5 (the weighted mean, HRNet's) and at 0.1.

    Args:
      people: HRNet's valid.json.
      truth: gt_valid.mat of the same people, in the same order.
      images: folders and zips with the pictures.

    Raises:
      FileNotFoundError: people, truth or pictures are not there.
    """
    people, pictures = Path(people), Pictures(map(Path, images))
    for path in (people, Path(truth)):
        if not path.is_file():
            raise FileNotFoundError(f"no people or truth of MPII at {path}")

    def validate(model: keras.Model, spec: PoseSpec, _step: int) -> Mapping[str, float]:
        found = mpii.read_people(networks.of_keras(*shipped(model, spec)), people, pictures)
        predictions = pckh.against(truth, found.xy)
        half, tenth = (pckh.pckh(predictions, threshold=limit) for limit in (0.5, 0.1))
        return {"PCKh": half.weighted_mean, "PCKh_mean": half.mean, "PCKh_0.1": tenth.weighted_mean}

    return validate
