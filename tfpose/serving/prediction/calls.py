"""What TensorFlow Serving's calls answer: people in encoded pictures, as tensors.

Inputs are `image_bytes`, strings of shape (B,) or (), and if the client wants `min_score` and
`max_people`, as the options of the HTTP routes. P is the largest number of people in a picture;
those of another picture with fewer have coordinates NaN and scores 0, as keypoints not found have.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TypeAlias

import numpy as np

from estimator import Poses

from ..answers import Wanted
from ..errors import ServiceError
from ..requests import off_loop
from ..service import Seen, Service
from . import messages
from .messages import Array, ModelSpec, PredictRequest, TensorInfo

VERSION = 1  # the only one of every model
MOST_PEOPLE = 1000  # of max_people, as the HTTP routes have it
_SIGNATURES = ("", "serving_default", "serve_bytes")
_PICTURES = "image_bytes"
_INPUTS = (
    TensorInfo(name=_PICTURES, dtype=messages.STRING, shape=(-1,)),
    TensorInfo(name="min_score", dtype=messages.FLOAT, shape=()),
    TensorInfo(name="max_people", dtype=messages.INT32, shape=()),
)
Found: TypeAlias = tuple[Poses, int, int]  # people, height and width of their picture


async def predict(service: Service, data: bytes) -> bytes:
    """Predict.

    Raises:
      ServiceError: as the HTTP routes have it.
    """
    request = await off_loop.run(len(data), lambda: _read(service).predict(data))
    name = _model(service, request.model)
    if request.model.signature not in _SIGNATURES:
        raise _fault(f"signature_name: there is serve_bytes, found {request.model.signature!r}")
    wanted, files = _wanted(request), _files(service, request)

    def found(seen: Seen) -> Found:
        return wanted.poses(seen), seen.height, seen.width

    done = await service.look(files, name, found)
    keypoints = len(service.catalogue.specs[name].skeleton.keypoints)
    outputs = tensors([one.value for one in done], keypoints)
    if unknown := [output for output in request.wanted if output not in outputs]:
        raise _fault(f"output_filter: there is no {unknown[0]!r}; there are {', '.join(outputs)}")
    chosen = {output: outputs[output] for output in request.wanted or outputs}
    return messages.predict_response(name, VERSION, chosen)


async def metadata(service: Service, data: bytes) -> bytes:
    """GetModelMetadata.

    Raises:
      ServiceError: there is no such model, or other metadata than the signature is asked for.
    """
    model, fields = _read(service).model_and_fields(data)
    name = _model(service, model)
    if not fields or any(field != "signature_def" for field in fields):
        raise _fault(f"metadata_field: there is signature_def, found {list(fields)[:5]}")
    count = len(service.catalogue.specs[name].skeleton.keypoints)
    return messages.metadata_response(name, VERSION, _INPUTS, _outputs(count))


async def status(service: Service, data: bytes) -> bytes:
    """GetModelStatus, of the model service.

    Raises:
      ServiceError: there is no such model.
    """
    model, _ = _read(service).model_and_fields(data)
    _model(service, model)
    return messages.status_response(VERSION)


def tensors(found: Sequence[Found], keypoints: int) -> dict[str, Array]:
    """People as tensors.

    Args:
      found: of each of B pictures.
      keypoints: K, of the model's skeleton.

    Returns:
      people (B,), keypoints (B, P, K, 3) x, y, score, scores (B, P), boxes (B, P, 4) x, y, width,
      height, and sizes (B, 2) height, width; pixels of the upright pictures.
    """
    batch, most = len(found), max((len(poses) for poses, _, _ in found), default=0)
    answers = np.full((batch, most, keypoints, 3), np.nan, np.float32)
    answers[..., 2] = 0
    scores = np.zeros((batch, most), np.float32)
    boxes = np.full((batch, most, 4), np.nan, np.float32)
    for index, (poses, _, _) in enumerate(found):
        answers[index, : len(poses), :, :2] = poses.xy
        answers[index, : len(poses), :, 2] = poses.score
        scores[index, : len(poses)] = poses.person_score
        boxes[index, : len(poses)] = poses.boxes
    return {
        "people": np.array([len(poses) for poses, _, _ in found], np.int32),
        "keypoints": answers,
        "scores": scores,
        "boxes": boxes,
        "sizes": np.array([size for _, *size in found], np.int32).reshape(batch, 2),
    }


def _outputs(keypoints: int) -> tuple[TensorInfo, ...]:
    shapes = {"people": (-1,), "keypoints": (-1, -1, keypoints, 3), "scores": (-1, -1)}
    shapes |= {"boxes": (-1, -1, 4), "sizes": (-1, 2)}
    return tuple(
        TensorInfo(
            name=name,
            dtype=messages.INT32 if name in ("people", "sizes") else messages.FLOAT,
            shape=shape,
        )
        for name, shape in shapes.items()
    )


def _read(service: Service) -> messages.Reader:
    return messages.Reader(service.settings.limits.json_parts)


def _model(service: Service, model: ModelSpec) -> str:
    """The name of the model that is asked.

    Raises:
      ServiceError: there is none of that name, version or label.
    """
    name = service.catalogue.find(model.name)
    if model.label or model.version not in (None, VERSION):
        asked = repr(model.label[:20]) if model.label else model.version
        raise ServiceError(
            HTTPStatus.NOT_FOUND, f"no version {asked} of {name}; there is {VERSION}"
        )
    return name


def _wanted(request: PredictRequest) -> Wanted:
    known = {info.name for info in _INPUTS}
    if unknown := request.inputs.keys() - known:
        raise _fault(f"inputs: there is no {sorted(unknown)[0][:40]!r}; there are {sorted(known)}")
    numbers = dict[str, float]()
    for name in ("min_score", "max_people"):
        if name in request.inputs:
            number = request.inputs[name].number
            numbers[name] = 0.0 if number is None else number  # protobuf leaves zeros out
    score, most = numbers.get("min_score", 0.0), numbers.get("max_people")
    if not 0 <= score <= 1:
        raise _fault(f"min_score must be in 0..1, found {score}")
    if most is not None and not (1 <= most <= MOST_PEOPLE and most == int(most)):
        raise _fault(f"max_people must be a whole number in 1..{MOST_PEOPLE}, found {most}")
    return Wanted(min_score=score, max_people=None if most is None else int(most))


def _files(service: Service, request: PredictRequest) -> list[tuple[str, bytes]]:
    """The pictures, each with what messages call it."""
    tensor = request.inputs.get(_PICTURES)
    if tensor is None:
        raise _fault(f"inputs: {_PICTURES} is missing: encoded pictures, strings of shape (B,)")
    if tensor.dtype != messages.STRING or (tensor.shape is not None and len(tensor.shape) > 1):
        raise _fault(
            f"{_PICTURES} must be strings (DT_STRING, 7) of shape (B,) or (), found type "
            f"{tensor.dtype} of shape {tensor.shape}"
        )
    most, count = service.settings.limits.pictures, len(tensor.strings)
    if count > most:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{_PICTURES}: at most {most} pictures a request, found {count}",
        )
    said = tensor.shape[0] if tensor.shape else 1
    if not count or (tensor.shape is not None and count != said):
        raise _fault(f"{_PICTURES} has {count} pictures, and its shape says {tensor.shape}")
    return [(f"{_PICTURES}.{index}", data) for index, data in enumerate(tensor.strings)]


def _fault(message: str) -> ServiceError:
    return ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
