"""The network as it is deployed: its last stage alone, for pictures of a known size."""

import keras
import numpy as np

from estimator.arrays import Float
from estimator.spec import PoseSpec

from ..losses.maps import last_stage


def deployed(
    model: keras.Model,
    spec: PoseSpec,
    height: int | None,
    width: int | None,
    *,
    batch: int | None = 1,
    share: bool = False,
) -> keras.Model:
    """Makes the network as it is deployed: for one size, with its last stage's maps.

    Args:
      model: of `spec`.
      spec: says which outputs there must be.
      height, width: of the input; None leaves them open.
      batch: of the input; None leaves it open.
      share: uses the weights and the open batch of a model that has that size already, instead of
        a copy; that halves the time for a large network.

    Returns:
      A copy, or with `share` perhaps a view, from `image` (batch, height, width, 3) to
      `{"heatmaps": ..., "pafs": ...}`.

    Raises:
      ValueError: the model's outputs are not the spec's.
    """
    stages = last_stage(model.output)
    found = {name: int(maps.shape[-1]) for name, maps in stages.items()}
    if found != spec.channels:
        raise ValueError(
            f"{model.name!r} has outputs with {found} channels, its spec says {spec.channels}: "
            "build it with tfpose.models.build(spec)"
        )
    if share and tuple(model.input.shape[1:3]) == (height, width):
        return keras.Model(model.input, stages, name=spec.model)
    image = keras.Input(batch_shape=(batch, height, width, 3), name="image")
    copy = keras.models.clone_model(model, input_tensors=image)
    copy.set_weights(model.get_weights())
    return keras.Model(image, last_stage(copy.output), name=spec.model)


def made_picture(height: int, width: int, *, seed: int = 0) -> Float:
    """A test picture with large patches and fine grain, (1, height, width, 3) float32, 0..255."""
    rng = np.random.default_rng(seed)
    cell = 16
    patches = rng.uniform(0, 255, (height // cell + 1, width // cell + 1, 3))
    patches = patches.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    grain = rng.normal(0, 16, (height, width, 3))
    return np.clip(patches + grain, 0, 255).astype(np.float32)[np.newaxis]


def other_size(spec: PoseSpec) -> tuple[int, int]:
    """About half the height and a little more of the width: another size and another shape."""
    multiple = spec.image.multiple
    height = max(spec.image.height // 2 // multiple, 1) * multiple
    return height, spec.image.width + multiple
