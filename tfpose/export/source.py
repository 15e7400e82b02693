"""The network to export: one of ours with a checkpoint's weights, or a .keras file."""

from dataclasses import replace

import keras

from estimator import skeletons
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from ..evaluation import network as networks
from ..weights import opening


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
      weights: of a network's name, see `weights.opening.load`.
      skeleton: of a network's name; None takes its own.
      height, width: of the input, pixels; None takes the spec's.
      fixed: the exported file takes this size only.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the weights are of another network, a size is not a multiple of the stride, or an
        argument does not fit.
    """
    if opening.kind_of(model) == opening.KERAS:
        network, spec = opening.load(model, weights or "", skeleton=_skeleton(skeleton))
        spec = _of_size(networks.of_keras(network, spec, name=model).spec, model, height, width)
    else:
        network, spec = opening.load(
            model, weights or "", skeleton=_skeleton(skeleton), height=height, width=width
        )
    return network, replace(spec, image=replace(spec.image, flexible=False)) if fixed else spec


def _skeleton(name: str | None) -> Skeleton | None:
    return skeletons.get(name) if name else None


def _of_size(spec: PoseSpec, model: str, height: int | None, width: int | None) -> PoseSpec:
    """The spec of a .keras at another size, where its graph is open."""
    wanted = (height or spec.image.height, width or spec.image.width)
    if wanted == (spec.image.height, spec.image.width):
        return spec
    if not spec.image.flexible:
        raise ValueError(
            f"{model} is a fixed graph of {spec.image.height}x{spec.image.width}, found a wish "
            f"for {wanted[0]}x{wanted[1]}: save it with open height and width"
        )
    return replace(spec, image=replace(spec.image, height=wanted[0], width=wanted[1]))
