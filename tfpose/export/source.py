"""What is exported: a network of ours with a checkpoint's weights, or a .keras file."""

from dataclasses import replace
from pathlib import Path

import keras

from estimator import bundle, skeletons
from estimator.spec import PoseSpec

from .. import models, networks, starts
from ..weights import checkpoint


def load(
    model: str,
    weights: str | None = None,
    *,
    skeleton: str | None = None,
    height: int | None = None,
    width: int | None = None,
    fixed: bool = False,
) -> tuple[keras.Model, PoseSpec]:
    """Opens a .keras file, or builds a network and gives it weights.

    Args:
      model: a .keras file that carries its spec, or a network's name.
      weights: of a network's name: .weights.h5 of ours, or any file that `checkpoint.load` reads.
      skeleton: of a network's name, if not its own.
      height, width: of the input, if not the spec's.
      fixed: the file is to take this size only.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the weights are of another network, a size is off the stride, or an argument does
        not fit.
    """
    if model.endswith(".keras"):
        if weights or skeleton:
            raise ValueError(f"{model} has its weights and skeleton with it; give a name with them")
        return _of_file(Path(model), height, width, fixed)
    if weights is None:
        raise ValueError(f"say with which weights to export {model!r}, or give a .keras file")
    spec = models.spec(
        model, skeleton=skeletons.get(skeleton) if skeleton else None, height=height, width=width
    )
    network = models.build(spec, flexible=spec.image.flexible)
    if weights.endswith(starts.OWN_WEIGHTS):
        starts.load_own(network, weights)
    else:
        checkpoint.load(network, spec, weights)
        spec = checkpoint.original_spec(spec)
    return network, _fixed(spec) if fixed else spec


def _of_file(
    path: Path, height: int | None, width: int | None, fixed: bool
) -> tuple[keras.Model, PoseSpec]:
    spec = bundle.read(path)
    model = networks.load_keras(path)
    spec = networks.of_keras(model, spec, name=str(path)).spec
    wanted = (height or spec.image.height, width or spec.image.width)
    if wanted != (spec.image.height, spec.image.width):
        if not spec.image.flexible:
            raise ValueError(
                f"{path} is a fixed graph of {spec.image.height}x{spec.image.width}, found a wish "
                f"for {wanted[0]}x{wanted[1]}: save it with open height and width"
            )
        spec = replace(spec, image=replace(spec.image, height=wanted[0], width=wanted[1]))
    return model, _fixed(spec) if fixed else spec


def _fixed(spec: PoseSpec) -> PoseSpec:
    return replace(spec, image=replace(spec.image, flexible=False))
