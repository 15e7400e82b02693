"""/v1: pictures in, people out; and the models."""

import functools
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from estimator.arrays import UInt8
from estimator.outputs import draw as drawing

from .. import answers, service
from ..answers import Wanted
from ..errors import ServiceError
from ..requests import bodies, json_bodies, multipart, off_loop, schemas
from ..service import Box, Seen, Service
from . import options
from .options import MaxPeople, MinScore, ModelName, Normalised

_MULTIPART = {
    "type": "object",
    "properties": {"image": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    "required": ["image"],
}

router = APIRouter(prefix="/v1", tags=["poses"], responses=options.ERRORS)


@router.post(
    "/pose",
    response_model=schemas.PoseAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": json_bodies.schema(schemas.PoseRequest)},
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
    min_score: MinScore = 0.0,
    max_people: MaxPeople = None,
    normalised: Normalised = False,
) -> Any:
    """The people of pictures, sent as files (multipart) or as base64 (JSON)."""
    shared = service.of(request)
    name = shared.catalogue.find(model)
    files, boxes = await _files(request, shared, name)
    wanted = Wanted(min_score=min_score, max_people=max_people, normalised=normalised)
    if draw:
        if len(files) != 1:
            raise options.fault(f"draw=1 takes one picture, found {len(files)}")
        finish = functools.partial(_drawn, wanted=wanted)
        (done,) = await shared.look(files, name, finish, boxes=boxes, whole=True)
        return Response(done.value, media_type="image/jpeg")
    found = await shared.look(files, name, wanted.people, boxes=boxes)
    return JSONResponse(  # as PoseAnswer says; checking it again costs more than making it
        {
            "model": name,
            "skeleton": shared.catalogue.specs[name].skeleton.name,
            "images": [done.value for done in found],
            "timing": answers.timing(found, request),
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


async def _files(
    request: Request, shared: Service, name: str
) -> tuple[list[tuple[str, bytes]], Sequence[Sequence[Box]] | None]:
    """The pictures of a request, with their names, and their boxes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bodies.of(request)
    if kind == "multipart/form-data":
        return await _parts(request, shared), None
    if kind not in ("application/json", "") and not body.startswith(b"{"):  # as `curl -d` says it
        raise ServiceError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type must be multipart/form-data or application/json, found {kind!r}",
        )
    asked = await json_bodies.read(request, schemas.PoseRequest)
    files = await options.decoded(asked.images, "images", shared)
    if asked.boxes is None:
        return files, None
    if shared.catalogue.specs[name].image.fit != "crop":
        raise options.fault(f"boxes: {name} finds people by itself; boxes are for top-down models")
    if len(asked.boxes) != len(files) or sum(map(len, asked.boxes)) > shared.settings.limits.boxes:
        raise options.fault(
            f"boxes: must be a list for each of {len(files)} pictures, with at most "
            f"{shared.settings.limits.boxes} boxes in all"
        )
    return files, asked.boxes


async def _parts(request: Request, shared: Service) -> list[tuple[str, bytes]]:
    body, kind = bodies.of(request), request.headers["content-type"]
    most = shared.settings.limits.pictures
    found = await off_loop.run_in_pieces(
        len(body), shared.pace, lambda rest: multipart.files(body, kind, most, rest)
    )
    return [(f"image {index}", data) for index, data in enumerate(found, 1)]


def _drawn(seen: Seen, *, wanted: Wanted) -> bytes:
    poses = wanted.poses(seen).transformed(seen.matrix)
    picture: UInt8 = drawing.skeletons(seen.picture, poses, min_score=wanted.min_score)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, "the drawing fits no JPEG")
    return bytes(data)
