"""Answers of networks on the Keras backend of this process, beside those that TensorFlow gave.

  KERAS_BACKEND=jax python -m tests.tfpose.models.backend_process FOLDER

FOLDER has for each network NAME.keras and NAME.npz: the weights by the originals' names, `image`,
and `expected/HEAD/STAGE`. It gets answers.json: {"tensorflow": whether TensorFlow was imported,
"errors": {NAME: the largest relative difference of any output}, "opened": {NAME: whether NAME.keras
holds the same variables}}.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from tfpose import models
from tfpose.weights import keras_files
from tfpose.weights.formats.assign import TF1, assign


def main(folder: Path) -> None:
    errors, same = {}, {}
    for file in sorted(folder.glob("*.keras")):
        with np.load(file.with_suffix(".npz")) as stored:
            arrays = dict(stored)
        image = arrays.pop("image")
        expected = {key: arrays.pop(key) for key in list(arrays) if key.startswith("expected/")}
        height, width = image.shape[1:3]
        built = models.build(models.spec(file.stem, height=height, width=width))
        assign(built, arrays, TF1)
        errors[file.stem] = largest_error(built, image, expected)
        same[file.stem] = is_same(keras_files.load_keras(file), built)
    said = {"tensorflow": "tensorflow" in sys.modules, "errors": errors, "opened": same}
    (folder / "answers.json").write_text(json.dumps(said))


def largest_error(model: keras.Model, image: np.ndarray, expected: dict[str, np.ndarray]) -> float:
    found = {
        f"expected/{head}/{stage}": maps
        for head, stages in model.predict_on_batch(image).items()  # compiled
        for stage, maps in enumerate(stages)
    }
    assert found.keys() == expected.keys()
    return max(
        float(np.abs(found[key] - maps).max() / np.abs(maps).max())
        for key, maps in expected.items()
    )


def is_same(model: keras.Model, other: keras.Model) -> bool:
    """Whether two networks have the same variables, by name and value."""
    weights, others = (
        {one.path: keras.ops.convert_to_numpy(one) for one in each.variables}
        for each in (model, other)
    )
    return weights.keys() == others.keys() and all(
        np.array_equal(weights[path], others[path]) for path in weights
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
