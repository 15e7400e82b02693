"""The hard-hat service of Akira-404/Human-Pose-PyTorch: its addresses, fields and types.

Also /get_head_point and /get_body_box of its later version (`openpose_server.py`), where `code`
is a number.
"""

import dataclasses
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter, Request

from .. import hard_hat, service
from ..errors import ServiceError
from ..requests import encoded_pictures, json_bodies, off_loop, schemas
from ..service import Seen

T = TypeVar("T")
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.HardHatError}
    for status in (400, 401, 403, 404, 408, 413, 415, 421, 422, 503)
}
_IMAGE = json_bodies.described(schemas.ImageRequest)

router = APIRouter(tags=["hard hat"], responses=_ERRORS)


@router.post(
    "/",
    response_model=schemas.HardHatAnswer,
    openapi_extra=json_bodies.described(schemas.HardHatRequest),
)
async def hard_hats(request: Request) -> dict[str, Any]:
    """Who wears a hard hat: a picture, and where a detector found hats in it."""
    body = await json_bodies.read(request, schemas.HardHatRequest)
    limits, rule = service.of(request).settings.limits, service.of(request).settings.hard_hat_rule
    if len(body.hat_location) > limits.hats:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"hat_location: at most {limits.hats} hats, found {len(body.hat_location)}",
        )
    hats = [hard_hat.Hat(**hat.model_dump()) for hat in body.hat_location]

    def judge(seen: Seen) -> list[hard_hat.Wearer]:
        return hard_hat.judge(seen.poses, hats, height=seen.height, width=seen.width, rule=rule)

    wearers = await _look(request, body, judge)
    data = [dataclasses.asdict(wearer) for wearer in wearers]
    return {"code": "200", "data": data, "message": "Success"}


@router.post("/get_head_point", response_model=schemas.HeadsAnswer, openapi_extra=_IMAGE)
async def get_head_point(request: Request) -> dict[str, Any]:
    """The points of every head seen: ears, their middle, nose, eyes."""
    body = await json_bodies.read(request, schemas.ImageRequest)
    data = await _look(request, body, lambda seen: hard_hat.head_points(seen.poses))
    return {"code": 200, "data": data, "message": "Success"}


@router.post("/get_body_box", response_model=schemas.BodiesAnswer, openapi_extra=_IMAGE)
async def get_body_box(request: Request) -> dict[str, Any]:
    """The boxes of people who are seen from the neck to a knee."""
    body = await json_bodies.read(request, schemas.ImageRequest)
    data = await _look(request, body, lambda seen: hard_hat.body_boxes(seen.poses))
    return {"code": 200, "data": data, "message": "Success"}


async def _look(request: Request, body: schemas.ImageRequest, finish: Callable[[Seen], T]) -> T:
    shared = service.of(request)
    model = shared.catalogue.hard_hat
    if model is None:
        raise ServiceError(
            HTTPStatus.NOT_FOUND, "no model that is served here finds heads by itself"
        )
    text = body.first
    data = await off_loop.run_in_pieces(
        len(text), shared.pace, lambda rest: encoded_pictures.from_base64(text, "img", rest)
    )
    files = [("img", data)]
    (done,) = await shared.look(files, model, finish)
    return done.value
