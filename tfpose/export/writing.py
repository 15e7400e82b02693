"""Writes an export: converts, opens the result as a user would, measures it, and then keeps it."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator import bundle
from estimator.arrays import UInt8
from estimator.spec import PoseSpec

from ..evaluation import network as networks
from ..losses.hints import NAME, entering
from . import (
    calibration,
    gate,
    onnx,
    openvino_ir,
    reports,
    saved_model,
    tflite,
    transposing,
)
from .int8 import clipping, equalise, rounding
from .network import deployed, made_picture

SUFFIXES = {
    **dict.fromkeys(tflite.KINDS, ".tflite"),
    "saved_model": "",
    "onnx": ".onnx",
    "openvino": ".xml",
}
WEIGHTS = ".bin"  # lie beside an .xml
FORMATS = tuple(SUFFIXES)
EQUALISED = ("dynamic", "int8")  # with integer activations; dynamic only where there are pictures
MADE = "made: patches and grain, without people; give --pictures to measure on real ones"
MADE_SIZES = ((480, 640), (640, 480), (360, 640))  # height, width


class GateError(Exception):
    """The export differs too much from Keras; nothing was written. `report` has the figures."""

    def __init__(self, report: gate.Report, out: Path) -> None:
        self.report = report
        super().__init__(f"{out} was not written: {'; '.join(report.failures)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Pictures to calibrate and measure an export with.

    Attributes:
      calibration: pictures (H, W, 3) uint8; int8 needs 100 or more, of the kind that the network
        will see, and none that it is evaluated on.
      pictures: to compare with Keras on; empty takes made ones.
      source: of `pictures`, for the report.
      annotated: pictures to measure the AP on; None does without.
    """

    calibration: Sequence[UInt8] = ()
    pictures: Sequence[UInt8] = ()
    source: str = ""
    annotated: gate.Annotated | None = None


def export(
    model: keras.Model,
    spec: PoseSpec,
    out: str | os.PathLike[str],
    *,
    kind: str,
    material: Material | None = None,
    thresholds: gate.Thresholds | None = None,
    hints: str = "",
    depth_to_space: bool = True,
    force: bool = False,
) -> gate.Report:
    """Converts a network, and writes it and a report if it answers as in Keras.

    Args:
      model: of `spec`; of open height and width where the spec is flexible.
      spec: the file carries it.
      out: file, or a SavedModel's folder; replaced if it is there.
      kind: one of `FORMATS`.
      material: pictures to calibrate and measure with.
      thresholds: None takes the format's own.
      hints: a layer, whose input becomes an output `hints` of a .tflite, for students
        (`tfpose.teacher.fill_cache`). The gate does not measure it: int8 may have rescaled its
        channels. "" for none.
      depth_to_space: False writes transposed convolutions in its place into a .tflite of fixed
        size, for accelerators that do not take it (`transposing`).
      force: writes the file even where the gate fails.

    Raises:
      FileNotFoundError: the folder to write into does not exist.
      NoPicturesError: int8 has nothing to calibrate with.
      ValueError: no such format, a name that does not fit it, or a model that is not its spec's.
      GateError: its answers differ too much from Keras's; there is no file then.
      OSError: the disk is full; there is no file then.
    """
    out, material = Path(out), material or Material()
    _check(out, kind, material, hints)
    if not depth_to_space and kind not in tflite.KINDS:
        raise ValueError(f"--nodepth_to_space is for .tflite files, found format {kind!r}")
    with _room(out) as folder:
        candidate = folder / out.name
        _convert(
            model, spec, candidate, kind, material.calibration, hints, depth_to_space=depth_to_space
        )
        report = _measured(model, spec, candidate, kind, material, thresholds)
        if report.failures and not force:
            raise GateError(report, out)
        reports.write(report, out)  # before the model, so that a full disk leaves neither
        _put(candidate, out, folder)
    return report


def _check(out: Path, kind: str, material: Material, hints: str) -> None:
    if kind not in SUFFIXES:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, found {kind!r}")
    if hints and kind not in tflite.KINDS:
        raise ValueError(f"hints are for .tflite files, found format {kind!r}")
    if out.suffix != SUFFIXES[kind]:
        wanted = f"end in {SUFFIXES[kind]}" if SUFFIXES[kind] else "be a folder, without a suffix"
        raise ValueError(f"the name of a {kind} export must {wanted}, found {out}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"no folder {out.parent} to write {out.name} into: make it first")
    if kind == "int8" and not material.calibration:
        raise calibration.NoPicturesError(
            "int8 needs pictures to calibrate with, found none: 100 or more, of the kind that the "
            "network will see (--calibration=FOLDER or ZIP)"
        )


def _convert(
    model: keras.Model,
    spec: PoseSpec,
    out: Path,
    kind: str,
    pictures: Sequence[UInt8],
    hints: str,
    *,
    depth_to_space: bool,
) -> None:
    if kind == "saved_model":
        saved_model.write(model, spec, out)
        return
    network = deployed(model, spec, spec.image.height, spec.image.width)
    if kind == "onnx":
        bundle.write_onnx(out, onnx.to_onnx(network, spec), spec)
        return
    if kind == "openvino":
        openvino_ir.write(onnx.to_onnx(network, spec), out, spec)
        return
    if hints:
        features = {NAME: entering(network, hints)}
        network = keras.Model(network.input, network.output | features, name=network.name)
    inputs = []
    if kind in EQUALISED and pictures:
        inputs = calibration.inputs(pictures, spec.image)
        places = equalise.equalise(network, inputs)
        logging.info("evened out the channels of %d tensors", places)
    if kind == "int8":
        clipped, corrected = clipping.clip(network, inputs), rounding.correct(network, inputs)
        logging.info("clipped %d tensors, corrected %d biases", clipped, corrected)
    if not depth_to_space:
        if spec.image.flexible:
            raise ValueError("transposed convolutions need a fixed size: give --fixed")
        network = transposing.without_depth_to_space(network)  # last: the others know convolutions
    bundle.write_tflite(out, tflite.to_tflite(network, kind, inputs), spec)


def _measured(
    model: keras.Model,
    spec: PoseSpec,
    candidate: Path,
    kind: str,
    material: Material,
    thresholds: gate.Thresholds | None,
) -> gate.Report:
    """Opens the exported file as phones do, a .tflite with LiteRT, and compares it with Keras."""
    given = list(material.pictures)
    return gate.measure(
        networks.of_keras(model, spec),
        networks.load(candidate, engine="litert" if candidate.suffix == ".tflite" else None),
        given or _made(),
        kind=kind,
        source=material.source if given else MADE,
        size=_bytes(candidate) + _bytes(candidate.with_suffix(WEIGHTS)),
        thresholds=thresholds,
        annotated=material.annotated,
    )


@contextlib.contextmanager
def _room(out: Path) -> Iterator[Path]:
    """A temporary folder beside the target; names a full disk as such."""
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
            yield Path(folder)
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if not _is_full(error):
            raise
        free = shutil.disk_usage(out.parent).free / 1e6
        raise OSError(
            errno.ENOSPC, f"no space left for {out} ({free:.0f} MB are free); nothing was written"
        ) from error


def _is_full(error: Exception) -> bool:
    """Whether the disk is full; TensorFlow has the same error for memory."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return os.strerror(errno.ENOSPC) in str(error)


def _put(candidate: Path, out: Path, folder: Path) -> None:
    """Moves file or folder into place, weights first; an older SavedModel is moved away before."""
    weights = candidate.with_suffix(WEIGHTS)
    if weights.is_file():
        weights.replace(out.with_suffix(WEIGHTS))
    if candidate.is_dir() and out.exists():
        out.rename(folder / "replaced")
    candidate.rename(out)


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]  # none, where there is no such path
    return sum(file.stat().st_size for file in files if file.is_file())


def _made() -> list[UInt8]:
    return [
        np.asarray(made_picture(height, width, seed=seed)[0].astype(np.uint8))
        for seed, (height, width) in enumerate(MADE_SIZES)
    ]
