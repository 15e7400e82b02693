"""What the families of addresses under /v1 have in common: options, errors, pictures as base64."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query

from ..errors import ServiceError
from ..requests import encoded_pictures, off_loop, schemas
from ..service import Service

ModelName = Annotated[str | None, Query(description="One of /v1/models; the default if not given.")]
MinScore = Annotated[float, Query(ge=0, le=1, description="Keypoints below it are left out.")]
MaxPeople = Annotated[int | None, Query(ge=1, le=1000, description="The best so many people.")]
Normalised = Annotated[
    bool, Query(description="Coordinates as shares of the picture's width and height, 0 to 1.")
]
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.ErrorAnswer, "description": text}
    for status, text in {
        400: "Not JSON, or nested too deep",
        401: "The API key is missing or wrong",
        403: "The page that asks is of another origin",
        404: "No such model",
        408: "The body came too slowly",
        413: "The body, a picture or their number is too large",
        415: "No picture format or content type that is taken",
        421: "The host that was asked for is not this service",
        422: "A field or a picture is not what it should be",
        503: "Too much to do; Retry-After says when to come again",
    }.items()
}


async def decoded(rows: Sequence[str], field: str, shared: Service) -> list[tuple[str, bytes]]:
    """Pictures of base64, each with what messages call it.

    Raises:
      ServiceError: 413, there are too many; 422, one is no base64.
    """
    most = shared.settings.limits.pictures
    if len(rows) > most:
        raise ServiceError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{field}: at most {most} pictures a request, found {len(rows)}",
        )
    names = [f"{field}.{index}" for index in range(len(rows))]

    def decode(rest: Callable[[], None]) -> list[tuple[str, bytes]]:
        pairs = zip(names, rows, strict=True)
        return [(name, encoded_pictures.from_base64(row, name, rest)) for name, row in pairs]

    return await off_loop.run_in_pieces(sum(map(len, rows)), shared.pace, decode)


def fault(message: str) -> ServiceError:
    """422."""
    return ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
