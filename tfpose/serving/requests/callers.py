"""Who asks: the API key."""

import hmac

from starlette.datastructures import Headers

from ..settings import Settings


def key_fits(settings: Settings, headers: Headers, offered: str | None = None) -> bool:
    """Compares the key in a time that does not tell how much of it is right.

    Args:
      settings: have the key, or none.
      headers: of the request: `Authorization: Bearer KEY`, or `X-API-Key: KEY`.
      offered: a key from elsewhere, taken where the headers have none.
    """
    if settings.api_key is None:
        return True
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = token if scheme.lower() == "bearer" else headers.get("x-api-key")
    return hmac.compare_digest((given or offered or "").encode(), settings.api_key.encode())
