"""One door to every format: a checkpoint's file, by its suffix, into a network of ours."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import keras

from estimator.spec import PoseSpec

from .. import models
from . import ckpt, h5, npy, npz, pb, pth
from .assign import assign

READERS: dict[str, ModuleType] = {
    ".ckpt": ckpt,
    ".h5": h5,
    ".index": ckpt,
    ".npy": npy,
    ".npz": npz,
    ".pb": pb,
    ".pt": pth,
    ".pth": pth,
    ".pth.tar": pth,
}


def load(
    model: keras.Model,
    spec: PoseSpec,
    source: str | os.PathLike[str],
    *,
    only: Iterable[str] = (),
    ignore: Iterable[str] = (),
    channels: str | None = None,
) -> tuple[str, ...]:
    """Gives a network the weights of a checkpoint: all that it needs and all that there is.

    Args:
      model: of `spec`.
      spec: its `model` names the family, which knows whether the original reads BGR.
      source: the file; its suffix tells the format. A TensorFlow 1 checkpoint may be named without.
      only, ignore: load a part, leave over a part; see `assign.assign`.
      channels: "rgb" or "bgr", what the file's network reads; None takes the family's. It must be
        given with `only`, since a backbone often comes from elsewhere.

    Returns:
      The names of the layers that were not loaded; empty unless `only` is given.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the format is unknown, or the file does not fit; nothing was loaded then.
    """
    only, reader = tuple(only), _reader(source)
    unused: tuple[str, ...] = getattr(models.family_of(spec.model), "UNUSED", ())
    return assign(
        model,
        reader.read(source),
        reader.LAYOUT,
        only=only,
        ignore=(*ignore, *unused),
        bgr_kernel=_bgr_kernel(spec, channels, partial=bool(only)),
    )


def _reader(source: str | os.PathLike[str]) -> ModuleType:
    """The reader of the longest suffix that fits; a checkpoint may be named without any."""
    name = Path(source).name.lower()
    known = [suffix for suffix in READERS if name.endswith(suffix)]
    if known:
        return READERS[max(known, key=len)]
    if Path(f"{source}.index").is_file():
        return ckpt
    raise ValueError(f"cannot read {source}: known are {', '.join(READERS)} files")


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
