"""The networks, one file a family; its table of variants are the models' names.

A family module has `VARIANTS` (name to a frozen dataclass of what differs), `spec(name)`, the
default `PoseSpec` of a variant, and `build(spec, height, width)`, its network.
"""

import importlib
import pkgutil
from dataclasses import replace
from types import ModuleType

import keras

from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec


def families() -> tuple[ModuleType, ...]:
    """The family modules, sorted by name."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in found)


def names() -> tuple[str, ...]:
    """The names of all models, sorted."""
    return tuple(sorted(name for family in families() for name in family.VARIANTS))


def family_of(name: str) -> ModuleType:
    """The family module that holds the variant.

    Raises:
      ValueError: there is no model of that name; says which there are.
    """
    for family in families():
        if name in family.VARIANTS:
            return family
    raise ValueError(f"no model {name!r}; there are {', '.join(names())}")


def spec(
    name: str,
    *,
    skeleton: Skeleton | None = None,
    height: int | None = None,
    width: int | None = None,
) -> PoseSpec:
    """The model's default spec, with another skeleton or input size where given.

    Raises:
      ValueError: no such model, or a size that its stride does not allow.
    """
    default: PoseSpec = family_of(name).spec(name)
    image = replace(
        default.image,
        height=default.image.height if height is None else height,
        width=default.image.width if width is None else width,
    )
    return replace(default, image=image, skeleton=skeleton or default.skeleton)


def build(spec: PoseSpec, *, flexible: bool = False) -> keras.Model:
    """The network of a spec, with random weights.

    Args:
      spec: `spec.model` is one of `names()`.
      flexible: leave height and width open instead of taking the spec's.

    Returns:
      A model from `image` (B, H, W, 3), RGB 0..255, to per-stage lists
      `{"heatmaps": [(B, h, w, K or K + 1), ...], "pafs": [(B, h, w, 2L), ...]}`; top-down models
      have heatmaps only, or `{"simcc_x": [(B, K, X)], "simcc_y": [(B, K, Y)]}`.

    Raises:
      ValueError: there is no such model, or it gives no boxes of the spec's stride.
    """
    family = family_of(spec.model)
    if spec.outputs.boxes not in (0, getattr(family, "BOX_STRIDE", 0)):
        raise ValueError(f"{spec.model} gives no boxes at stride {spec.outputs.boxes}")
    height, width = (None, None) if flexible else (spec.image.height, spec.image.width)
    model: keras.Model = family.build(spec, height, width)
    return model
