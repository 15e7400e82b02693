"""What goes wrong, in the form that each family of routes answers it in.

`/v1`: {"error": "...", "request_id": "..."}, which TensorFlow Serving's clients read, too. The
hard-hat routes: {"code": "422", "data": [], "message": "..."}, as their answers.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

_SHOWN = 5  # faults of one request; a body may have thousands
_WANTED = "JSON object with Content-Type: application/json"
_HARD_HAT = ("/", "/get_head_point", "/get_head_point_v2", "/get_body_box")


class ServiceError(Exception):
    """Ends a request with this status.

    Args:
      status: of HTTP.
      message: what is wrong, what was found, what to do.
      headers: of the answer.
    """

    def __init__(
        self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def busy(message: str, seconds: int = 1) -> ServiceError:
    """503 with Retry-After."""
    headers = {"Retry-After": str(max(1, seconds))}
    return ServiceError(HTTPStatus.SERVICE_UNAVAILABLE, message, headers)


def invalid(faults: Sequence[Mapping[str, Any]]) -> ServiceError:
    """422, or 400 where the body is no JSON, from what pydantic found."""
    said = []
    for fault in faults[:_SHOWN]:
        place = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query"))
        told = str(fault["msg"]).removeprefix("Value error, ")
        whole = told if fault["type"] == "value_error" else f"the body must be a {_WANTED}"
        said.append(f"{place}: {told}" if place else whole)
    if len(faults) > _SHOWN:
        said.append(f"and {len(faults) - _SHOWN} more")
    no_json = any(fault["type"] == "json_invalid" for fault in faults)
    if no_json:
        said = [f"the body is no JSON: it must be a {_WANTED}"]
    status = HTTPStatus.BAD_REQUEST if no_json else HTTPStatus.UNPROCESSABLE_ENTITY
    return ServiceError(status, "; ".join(said))


def _faults(error: ValidationError) -> list[Any]:
    """Without the values that were found: they may be a picture of 30 MB each."""
    return list(error.errors(include_url=False, include_context=False, include_input=False))


def content(path: str, error: ServiceError, request_id: str) -> dict[str, Any]:
    """The answer's body, in the form of the path's family."""
    if path in _HARD_HAT:
        code = str(int(error.status)) if path == "/" else int(error.status)
        return {"code": code, "data": [], "message": error.message}
    return {"error": error.message, "request_id": request_id}


def respond(path: str, error: ServiceError, request_id: str) -> JSONResponse:
    """The answer."""
    return JSONResponse(
        content(path, error, request_id), status_code=error.status, headers=error.headers
    )


def install(app: FastAPI) -> None:
    """Gives the app its handlers."""

    def answer(request: Request, error: ServiceError) -> JSONResponse:
        return respond(request.url.path, error, request.state.request_id)

    @app.exception_handler(ServiceError)
    async def of_service(request: Request, error: ServiceError) -> JSONResponse:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(ValidationError)
    async def of_validation(
        request: Request, error: RequestValidationError | ValidationError
    ) -> JSONResponse:
        told = error.errors() if isinstance(error, RequestValidationError) else _faults(error)
        return answer(request, invalid(told))

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> JSONResponse:
        return answer(
            request, ServiceError(HTTPStatus(error.status_code), str(error.detail), error.headers)
        )
