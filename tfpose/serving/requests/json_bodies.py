"""JSON bodies: read into their form by pydantic, whatever Content-Type names them."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel

from ..errors import invalid
from . import bodies, off_loop

M = TypeVar("M", bound=BaseModel)


async def read(request: Request, form: type[M]) -> M:
    """The body of a request.

    Raises:
      ServiceError: 422, there is none.
      ValidationError: it is no JSON, or not of the form; `errors` answers it with 400 or 422.
    """
    body = bodies.of(request)
    if not body:
        raise invalid([{"loc": (), "msg": "", "type": "missing"}])
    return await off_loop.run(len(body), lambda: form.model_validate_json(body))


def described(form: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a route that reads this form itself."""
    content = {"application/json": {"schema": schema(form)}}
    return {"requestBody": {"required": True, "content": content}}


def schema(form: type[BaseModel]) -> dict[str, Any]:
    """The form's JSON schema without references, which would lead out of it inside OpenAPI."""
    whole = form.model_json_schema()
    parts = whole.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inlined(parts[node["$ref"].rpartition("/")[2]])
        return {name: inlined(value) for name, value in node.items()}

    found: dict[str, Any] = inlined(whole)
    return found
