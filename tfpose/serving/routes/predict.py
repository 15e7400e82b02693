"""TensorFlow Serving's REST API: predict by row and by column, versions, metadata.

Source: tensorflow.org/tfx/serving/api_rest. A row of `instances` is answered in `predictions`,
`inputs` in `outputs`. Content-Type is passed over there, so that `curl -d` works; it is here, too.
There is one version of each model, 1, and no label.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request

from .. import service
from ..answers import Wanted
from ..catalogue import STATUS
from ..errors import ServiceError
from ..requests import json_bodies, schemas
from . import options
from .options import MaxPeople, MinScore, Normalised

VERSION = STATUS["version"]
_OPENAPI = json_bodies.described(schemas.PredictRequest)

router = APIRouter(prefix="/v1/models", tags=["TensorFlow Serving"], responses=options.ERRORS)


@router.post(
    "/{name}:predict",
    response_model=schemas.PredictAnswer,
    openapi_extra=_OPENAPI,
    response_model_exclude_none=True,
)
async def predict(
    request: Request,
    name: str,
    min_score: MinScore = 0.0,
    max_people: MaxPeople = None,
    normalised: Normalised = False,
) -> Any:
    """People, for clients of TensorFlow Serving; the inputs are encoded pictures."""
    wanted = Wanted(min_score=min_score, max_people=max_people, normalised=normalised)
    return await _predict(request, name, wanted)


@router.post(
    "/{name}/versions/{version}:predict",
    response_model=schemas.PredictAnswer,
    response_model_exclude_none=True,
    openapi_extra=_OPENAPI,
)
async def predict_version(
    request: Request,
    name: str,
    version: str,
    min_score: MinScore = 0.0,
    max_people: MaxPeople = None,
    normalised: Normalised = False,
) -> Any:
    """The same, of the version that there is."""
    _check_version(name, version)
    wanted = Wanted(min_score=min_score, max_people=max_people, normalised=normalised)
    return await _predict(request, name, wanted)


@router.get("/{name}/metadata", response_model=schemas.MetadataAnswer)
async def metadata(request: Request, name: str) -> dict[str, Any]:
    """The signature that predict has."""
    name = service.of(request).catalogue.find(name)
    tensor = {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "image_bytes",
    }
    signature = {
        "inputs": {"image_bytes": tensor},
        "outputs": {},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": VERSION},
        "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
    }


@router.get("/{name}/versions/{version}/metadata", response_model=schemas.MetadataAnswer)
async def metadata_of_version(request: Request, name: str, version: str) -> dict[str, Any]:
    """The same, of the version that there is."""
    _check_version(name, version)
    return await metadata(request, name)


@router.get("/{name}/versions/{version}", response_model=schemas.StatusAnswer)
async def status(request: Request, name: str, version: str) -> dict[str, Any]:
    """Whether the version is served."""
    service.of(request).catalogue.find(name)
    _check_version(name, version)
    return {"model_version_status": [STATUS]}


async def _predict(request: Request, name: str, wanted: Wanted) -> dict[str, Any]:
    shared = service.of(request)
    name = shared.catalogue.find(name)
    body = await json_bodies.read(request, schemas.PredictRequest)
    if body.signature_name not in (None, "", "serving_default", "serve_bytes"):
        raise options.fault(f"signature_name: there is serve_bytes, found {body.signature_name!r}")
    rows, field = body.rows
    files = await options.decoded(rows, field, shared)
    found = [done.value for done in await shared.look(files, name, wanted.people)]
    return {"predictions": found} if field == "instances" else {"outputs": found}


def _check_version(name: str, version: str) -> None:
    if version != VERSION:
        raise ServiceError(
            HTTPStatus.NOT_FOUND, f"no version {version[:20]!r} of {name}; there is {VERSION}"
        )
