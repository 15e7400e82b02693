"""Looks at the first picture of a large body while the rest of the body is still coming.

What is no picture, too large a one, or made to be slow is refused then, before 32 MiB of it are
kept, searched and decoded. `encoded_pictures.check` looks at every picture once more, whole.
"""

import base64
import binascii
import re

from ..settings import Limits
from . import encoded_pictures, multipart

_NAME = "the first picture"
# A picture in the JSON of any route; a name inside a string would have escaped quotes.
_ENCODED = re.compile(
    rb'"(?:images|img|b64)"\s*:\s*\[?\s*"(?:data:[a-z/+-]{1,40};base64,)?([A-Za-z0-9+/_-]{64,})'
)


def refuse(start: bytes, content_type: str, limits: Limits) -> None:
    """Refuses a body by its beginning; one that it does not understand is let through.

    Args:
      start: of the body.
      content_type: of the request.
      limits: of pictures.

    Raises:
      ServiceError: as `encoded_pictures.check_start`.
    """
    if content_type.lower().startswith("multipart/"):
        picture = multipart.beginning(start, content_type)
    else:
        picture = _decoded(start)
    if picture:
        encoded_pictures.check_start(picture, _NAME, limits)


def _decoded(start: bytes) -> bytes | None:
    """The beginning of the first picture of JSON, as far as it is plain base64."""
    found = _ENCODED.search(start)
    if found is None:
        return None
    text = found[1].translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return None
