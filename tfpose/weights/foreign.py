"""Loads foreign checkpoints into networks of ours; the file's suffix tells the format."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import keras

from estimator import files
from estimator.spec import PoseSpec

from .. import models
from .formats import ckpt, h5, human_pose_estimation_0001, npy, openvino_ir, pb, pth, safetensors
from .formats.assign import Array, assign

READERS: dict[str, ModuleType] = {
    ".ckpt": ckpt,
    ".h5": h5,
    ".index": ckpt,
    ".npy": npy,
    ".npz": human_pose_estimation_0001,
    ".pb": pb,
    ".pt": pth,
    ".pth": pth,
    ".pth.tar": pth,
    ".safetensors": safetensors,
    ".xml": openvino_ir,
}


def load(
    model: keras.Model,
    spec: PoseSpec,
    source: str | os.PathLike[str],
    *,
    only: Iterable[str] = (),
    ignore: Iterable[str] = (),
    backbone: bool = False,
    channels: str | None = None,
) -> tuple[str, ...]:
    """Loads a checkpoint's weights into a network; both must have the same layers.

    Args:
      model: of `spec`.
      spec: its `model` names the family, which knows whether the original reads BGR.
      source: the file; its suffix tells the format. A TensorFlow 1 checkpoint may be named without.
      only, ignore: layers to load, layers of the file to skip; see `assign.assign`.
      backbone: the file is the ImageNet classifier that the original starts from: loads the layers
        that both share, by the family's BACKBONE_ONLY and BACKBONE_IGNORE, besides `only` and
        `ignore`.
      channels: "rgb" or "bgr", the order that the file's network reads; None takes the family's. It
        must be given with `only`, since a backbone may have another origin.

    Returns:
      The names of the layers that were not loaded; empty unless a part was asked for.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the format is unknown, or the file does not fit; nothing was loaded then.
    """
    files.check_download(source)
    reader = _reader(source)
    only, ignore = tuple(only), (*ignore, *getattr(models.family_of(spec.model), "UNUSED", ()))
    if backbone:
        shared, extra = _backbone(spec)
        only, ignore = only + shared, ignore + extra
    arrays = _renamed(spec, reader.read(source))
    if not only:
        _check_keypoints(spec, arrays, source)
    return assign(
        model,
        arrays,
        reader.LAYOUT,
        only=only,
        ignore=ignore,
        bgr_kernel=_bgr_kernel(spec, channels, partial=bool(only)),
    )


def original_spec(spec: PoseSpec) -> PoseSpec:
    """The spec for weights that the original program trained.

    Their maps may lie elsewhere in the picture, by the family's ORIGINAL_DECODER; see
    `estimator.decoders.heatmap.Parameters`, `offset` and `corners`.
    """
    changes = getattr(models.family_of(spec.model), "ORIGINAL_DECODER", {})
    return replace(spec, decoder=replace(spec.decoder, **changes))


def classifiers_own(spec: PoseSpec) -> tuple[str, ...]:
    """The layers that only the classifier has which a network starts from; empty if unknown."""
    found: tuple[str, ...] = getattr(models.family_of(spec.model), "BACKBONE_IGNORE", ())
    return found


def _backbone(spec: PoseSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    family = models.family_of(spec.model)
    if not hasattr(family, "BACKBONE_ONLY"):
        raise ValueError(f"{spec.model} starts from no classifier whose backbone we know")
    return family.BACKBONE_ONLY, family.BACKBONE_IGNORE


def _check_keypoints(
    spec: PoseSpec, arrays: Mapping[str, Array], source: str | os.PathLike[str]
) -> None:
    """Refuses a file of another skeleton, which the bias of the family's HEAD shows."""
    bias = arrays.get(f"{getattr(models.family_of(spec.model), 'HEAD', None)}.bias")
    count = len(spec.skeleton.keypoints) + spec.outputs.background
    if bias is not None and len(bias) != count:
        raise ValueError(
            f"{source} is of {len(bias)} keypoints, {spec.skeleton.name} has {count}: build "
            f"{spec.model} for the file's skeleton (--skeleton), or leave out its last layers "
            "(--only); nothing was loaded"
        )


def _renamed(spec: PoseSpec, arrays: dict[str, Array]) -> dict[str, Array]:
    """Arrays of a program whose names are not our layers', where the family knows them."""
    rename = getattr(models.family_of(spec.model), "renamed", None)
    return rename(arrays) if rename else arrays


def _reader(source: str | os.PathLike[str]) -> ModuleType:
    """The reader of the longest matching suffix; a TensorFlow 1 checkpoint may have none."""
    name = Path(source).name.lower()
    matching = [suffix for suffix in READERS if name.endswith(suffix)]
    if matching:
        return READERS[max(matching, key=len)]
    if Path(f"{source}.index").is_file():
        return ckpt
    raise ValueError(f"cannot read {source}: there are readers of {', '.join(READERS)} files")


def _bgr_kernel(spec: PoseSpec, channels: str | None, *, partial: bool) -> str | None:
    kernel: str | None = getattr(models.family_of(spec.model), "BGR_KERNEL", None)
    if channels not in (None, "rgb", "bgr"):
        raise ValueError(f"channels must be 'rgb' or 'bgr', found {channels!r}")
    if channels == "bgr" and kernel is None:
        raise ValueError(f"{spec.model} knows no BGR original")
    if channels is None and partial and kernel is not None:
        raise ValueError(
            "say whether the network of this file reads 'rgb' or 'bgr' (channels): the originals "
            f"of {spec.model} read BGR, but a part may come from elsewhere"
        )
    return None if channels == "rgb" else kernel
