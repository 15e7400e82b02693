"""What a recipe minimises: errors against labels, and against a teacher where there is one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from estimator import bundle
from estimator.arrays import Float
from estimator.runner import LiteRtRunner
from estimator.spec import PoseSpec

from . import hints, models, networks, targets
from .distill import Teacher, TeacherOptions, distilled_terms
from .feed import answers
from .losses import check_maps, label_terms
from .recipe import Recipe
from .starts import load_weights
from .train_step import Objective, Tensor


def make(
    recipe: Recipe,
    spec: PoseSpec,
    teacher: Teacher | None,
    known: Mapping[str, Float] | None = None,
) -> Objective:
    """The terms of (the student's outputs, batch); shapes are checked when it is traced.

    Args:
      recipe, spec: of the student.
      teacher: asked in every step.
      known: what a teacher who answered before knows, whose maps are in the batch (`feed.TAUGHT`).
    """
    known = teacher.known if teacher else known
    background = spec.outputs.background

    def objective(outputs: Mapping[str, Any], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        outputs = dict(outputs)
        hinted = hints.terms(outputs.pop(hints.NAME, None), batch, recipe.hints)
        if "heatmaps" not in batch and "keypoints" in batch:
            batch = {**batch, **targets.render(batch["keypoints"], spec)}
        taught = teacher(batch["image"]) if teacher else answers(batch)
        check_maps(outputs, {**taught, **batch})
        if known is None:
            return label_terms(outputs, batch, recipe.loss, background=background) | hinted
        taught_terms = distilled_terms(
            outputs,
            batch,
            taught,
            known,
            recipe.teacher.alpha,
            recipe.loss,
            background=background,
        )
        return taught_terms | hinted

    return objective


def load_teacher(options: TeacherOptions, student: PoseSpec) -> Teacher | None:
    """The teacher that a recipe names, frozen; None where it names none.

    A .tflite runs picture by picture on the CPU, outside of the graph: label once with
    `scripts.pseudo_label` where it is the bottleneck.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: it cannot teach this student.
    """
    if not options.model:
        return None
    path = Path(options.model)
    if options.model in models.names():
        network, spec = _ours(options, student)
    elif path.suffix == ".tflite":
        spec = bundle.read(path)
        network = _lite(path, spec)
    elif path.suffix == ".keras":
        spec = bundle.read(path)
        network = _frozen(networks.load_keras(path))
    elif path.is_dir():
        spec = bundle.read(path)
        network = _saved(path)
    else:
        raise ValueError(
            f"teacher.model {options.model!r} is no model, .tflite, .keras or SavedModel folder; "
            f"models are {', '.join(models.names())}, with teacher.weights"
        )
    return Teacher(network, spec, student, scale=options.scale)


def _ours(
    options: TeacherOptions, student: PoseSpec
) -> tuple[Callable[[Tensor], Mapping[str, Any]], PoseSpec]:
    if not options.weights:
        raise ValueError(f"teacher {options.model} needs its weights: give --teacher.weights")
    spec = models.spec(options.model)
    if spec.image.flexible:
        model = models.build(spec, flexible=True)
    else:
        spec = models.spec(options.model, height=student.image.height, width=student.image.width)
        model = models.build(spec)
    load_weights(model, spec, options.weights)
    return _frozen(model), spec


def _frozen(model: keras.Model) -> Callable[[Tensor], Mapping[str, Any]]:
    model.trainable = False
    return lambda image: model(image, training=False)


def _lite(path: Path, spec: PoseSpec) -> Callable[[Tensor], Mapping[str, Any]]:
    runner, heads = LiteRtRunner(path, spec), tuple(spec.channels)

    def run(image: Any) -> list[Any]:
        pictures = image.round().clip(0, 255).astype("uint8")
        answers = [runner(picture[None]) for picture in pictures]
        return [np.concatenate([answer[head] for answer in answers]) for head in heads]

    def network(image: Tensor) -> dict[str, Tensor]:
        maps = tf.numpy_function(run, [image], [tf.float32] * len(heads))
        stride = spec.outputs.stride
        size = (image.shape[0], image.shape[1] // stride, image.shape[2] // stride)
        for head, value in zip(heads, maps, strict=True):
            value.set_shape((*size, spec.channels[head]))
        return dict(zip(heads, maps, strict=True))

    return network


def _saved(path: Path) -> Callable[[Tensor], Mapping[str, Any]]:
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures[networks.SIGNATURE]
    (name,) = signature.structured_input_signature[1]
    dtype = signature.structured_input_signature[1][name].dtype

    def network(image: Tensor) -> Mapping[str, Any]:
        maps: Mapping[str, Any] = signature(**{name: tf.cast(image, dtype)})
        return maps

    network.loaded = loaded  # type: ignore[attr-defined]  # keeps its variables alive
    return network
