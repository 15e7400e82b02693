"""/v1: pictures in, people out; the models; TensorFlow Serving's predict."""

import functools
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from estimator.arrays import UInt8
from estimator.outputs import draw as drawing

from .. import service
from ..errors import ServiceError
from ..requests import encoded_pictures, schemas
from ..service import Box, Seen, Service

_MULTIPART = {
    "type": "object",
    "properties": {"image": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    "required": ["image"],
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.ErrorAnswer, "description": text}
    for status, text in {
        400: "Not JSON, or nested too deep",
        401: "The API key is missing or wrong",
        404: "No such model",
        408: "The body came too slowly",
        413: "The body, a picture or their number is too large",
        415: "No picture format or content type that is taken",
        422: "A field or a picture is not what it should be",
        503: "Too much to do; Retry-After says when to come again",
    }.items()
}

router = APIRouter(prefix="/v1", tags=["poses"], responses=_ERRORS)
ModelName = Annotated[str | None, Query(description="One of /v1/models; the default if not given.")]


@router.post(
    "/pose",
    response_model=schemas.PoseAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schemas.PoseRequest.model_json_schema()},
                "multipart/form-data": {"schema": _MULTIPART},
            },
        }
    },
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def pose(
    request: Request,
    model: ModelName = None,
    draw: Annotated[bool, Query(description="Answer the drawn picture as a JPEG.")] = False,
    min_score: Annotated[
        float, Query(ge=0, le=1, description="Keypoints below it are left out.")
    ] = 0.0,
) -> Any:
    """The people of pictures, sent as files (multipart) or as base64 (JSON)."""
    shared = service.of(request)
    name = shared.catalogue.find(model)
    files, boxes = await _files(request, shared, name)
    if draw:
        if len(files) != 1:
            raise _fault(f"draw=1 takes one picture, found {len(files)}")
        finish = functools.partial(_drawn, min_score=min_score)
        (done,) = await shared.look(files, name, finish, boxes=boxes, whole=True)
        return Response(done.value, media_type="image/jpeg")
    found = await shared.look(
        files, name, functools.partial(_people, min_score=min_score), boxes=boxes
    )
    return JSONResponse(  # as PoseAnswer says; checking it again costs more than making it
        {
            "model": name,
            "skeleton": shared.catalogue.specs[name].skeleton.name,
            "images": [done.value for done in found],
            "timing": service.timing(found, request),
        }
    )


@router.get("/models", response_model=schemas.ModelsAnswer)
async def models(request: Request) -> dict[str, Any]:
    """The models that are served; the default is first."""
    catalogue = service.of(request).catalogue
    return {"models": [catalogue.describe(name) for name in catalogue.specs]}


@router.get("/models/{name}", response_model=schemas.ModelAnswer)
async def model(request: Request, name: str) -> dict[str, Any]:
    """A model's spec: its skeleton, input, maps and decoder."""
    catalogue = service.of(request).catalogue
    return catalogue.describe(catalogue.find(name))


@router.post(
    "/models/{name}:predict",
    response_model=schemas.PredictAnswer,
    response_model_exclude_none=True,
)
async def predict(request: Request, name: str, body: schemas.PredictRequest) -> dict[str, Any]:
    """People, for clients of TensorFlow Serving's REST API; `instances` are encoded pictures."""
    shared = service.of(request)
    name = shared.catalogue.find(name)
    if body.signature_name not in (None, "serving_default", "serve_bytes"):
        raise _fault(f"signature_name: there is serve_bytes, found {body.signature_name!r}")
    rows = [
        row.b64 if isinstance(row, schemas.Base64) else row.image_bytes.b64
        for row in body.instances
    ]
    files = _decoded(rows, "instances", shared)
    found = await shared.look(files, name, functools.partial(_people, min_score=0.0))
    return {"predictions": [done.value for done in found]}


async def _files(
    request: Request, shared: Service, name: str
) -> tuple[list[tuple[str, bytes]], Sequence[Sequence[Box]] | None]:
    """The pictures of a request, with their names, and their boxes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _parts(request, shared), None
    if kind not in ("application/json", ""):
        raise ServiceError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type must be multipart/form-data or application/json, found {kind!r}",
        )
    asked = schemas.PoseRequest.model_validate_json(await request.body())
    files = _decoded(asked.images, "images", shared)
    if asked.boxes is None:
        return files, None
    if shared.catalogue.specs[name].image.fit != "crop":
        raise _fault(f"boxes: {name} finds people by itself; boxes are for top-down models")
    if len(asked.boxes) != len(files) or sum(map(len, asked.boxes)) > shared.settings.limits.boxes:
        raise _fault(
            f"boxes: must be a list for each of {len(files)} pictures, with at most "
            f"{shared.settings.limits.boxes} boxes in all"
        )
    return files, asked.boxes


async def _parts(request: Request, shared: Service) -> list[tuple[str, bytes]]:
    most = shared.settings.limits.pictures
    size = shared.settings.limits.body_bytes
    async with request.form(max_files=most, max_fields=0, max_part_size=size) as form:
        uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not uploads:
            raise _fault("image: send at least one file, as in curl -F image=@photo.jpg")
        return [(f"image {index}", await upload.read()) for index, upload in enumerate(uploads, 1)]


def _decoded(rows: Sequence[str], field: str, shared: Service) -> list[tuple[str, bytes]]:
    most = shared.settings.limits.pictures
    if len(rows) > most:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{field}: at most {most} pictures a request, found {len(rows)}",
        )
    names = [f"{field}.{index}" for index in range(len(rows))]
    return [(n, encoded_pictures.from_base64(row, n)) for n, row in zip(names, rows, strict=True)]


def _people(seen: Seen, *, min_score: float) -> dict[str, Any]:
    return service.people(service.sure(seen.poses, min_score), seen.height, seen.width)


def _drawn(seen: Seen, *, min_score: float) -> bytes:
    picture: UInt8 = drawing.skeletons(seen.picture, seen.poses, min_score=min_score)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, "the drawing fits no JPEG")
    return bytes(data)


def _fault(message: str) -> ServiceError:
    return ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
