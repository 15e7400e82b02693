"""The objective of a recipe: errors against labels, and against a teacher where there is one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from estimator.arrays import Float
from estimator.spec import PoseSpec

from ..evaluation import network as networks
from ..losses import hints
from ..losses.distillation import Teacher, TeacherOptions, distilled_terms
from ..losses.maps import HEADS, check_maps, label_terms
from ..pipeline import targets
from ..weights import opening
from . import run_folder
from .feeds.feed import taught_maps
from .recipe import Recipe
from .step import Objective, Tensor

Forward: TypeAlias = Callable[[Tensor], Mapping[str, Any]]  # (B, H, W, 3) to maps by head


def make(
    recipe: Recipe,
    spec: PoseSpec,
    teacher: Teacher | None,
    taught_channels: Mapping[str, Float] | None = None,
) -> Objective:
    """Makes the function from (the student's outputs, batch) to terms; tracing checks the shapes.

    Args:
      recipe, spec: of the student.
      teacher: a network that answers in every step; None where there is none.
      taught_channels: of the teacher whose maps the batches hold (`feed.TAUGHT`), see `Feed`.
    """
    taught_channels = teacher.taught_channels if teacher else taught_channels
    background = spec.outputs.background

    def objective(outputs: Mapping[str, Any], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        outputs = dict(outputs)
        hinted = hints.terms(outputs.pop(hints.NAME, None), batch, recipe.hints)
        if "keypoints" in batch and not any(head in batch for head in HEADS):
            batch = {**batch, **targets.render(batch["keypoints"], spec)}
        taught = teacher(batch["image"]) if teacher else taught_maps(batch)
        check_maps(outputs, {**taught, **batch})
        if taught_channels is None:
            return label_terms(outputs, batch, recipe.loss, background=background) | hinted
        taught_terms = distilled_terms(
            outputs,
            batch,
            taught,
            taught_channels,
            recipe.teacher.alpha,
            recipe.loss,
            background=background,
        )
        return taught_terms | hinted

    return objective


def load_teacher(options: TeacherOptions, student: PoseSpec) -> Teacher | None:
    """The teacher that a recipe names, frozen; None where it names none.

    A .tflite or .onnx runs picture by picture on the CPU, outside of the graph: label once with
    `tfpose pseudo-label` where it is the bottleneck.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: it cannot teach this student.
    """
    if not options.model:
        return None
    kind = opening.kind_of(options.model)
    if kind == opening.NAME:
        network, spec = _built(options, student)
    elif kind == opening.KERAS:
        model, spec = opening.load(options.model)
        network = _frozen(model)
    elif kind == opening.SAVED_MODEL:
        spec = opening.spec_of(options.model)
        network = opening.open_saved_model(Path(options.model))
    else:
        opened = networks.load(options.model)
        network, spec = _outside_the_graph(opened), opened.spec
    return Teacher(network, spec, student, scale=options.scale)


def _built(options: TeacherOptions, student: PoseSpec) -> tuple[Forward, PoseSpec]:
    """A network of ours: flexible, or of the student's size; with the skeleton of its own run."""
    flexible = opening.spec_of(options.model).image.flexible
    height, width = (None, None) if flexible else (student.image.height, student.image.width)
    run = Path(options.weights) if options.weights else None
    model, spec = opening.load(
        options.model,
        options.weights,
        skeleton=run_folder.skeleton_of(run) if run else None,
        height=height,
        width=width,
    )
    return _frozen(model), spec


def _frozen(model: keras.Model) -> Forward:
    model.trainable = False
    return lambda image: model(image, training=False)


def _outside_the_graph(opened: networks.Network) -> Forward:
    """A runtime's network as an operation of TensorFlow: on the CPU, picture by picture."""
    spec, heads = opened.spec, tuple(opened.spec.channels)

    def run(image: Any) -> list[Any]:
        pictures = image.round().clip(0, 255).astype("uint8")
        answers = [opened.runner(picture[None]) for picture in pictures]
        return [np.concatenate([answer[head] for answer in answers]) for head in heads]

    def network(image: Tensor) -> dict[str, Tensor]:
        maps = tf.numpy_function(run, [image], [tf.float32] * len(heads))
        shapes = spec.shapes(image.shape[1], image.shape[2])
        for head, value in zip(heads, maps, strict=True):
            value.set_shape((image.shape[0], *shapes[head]))
        return dict(zip(heads, maps, strict=True))

    return network
