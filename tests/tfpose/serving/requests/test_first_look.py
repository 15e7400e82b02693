"""Large bodies are refused by their first picture, before they are there."""

import asyncio
import base64
import json
from collections.abc import Callable

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from estimator import pictures
from tests import hostile_pictures as hostile
from tfpose.serving.errors import ServiceError
from tfpose.serving.metrics import Metrics
from tfpose.serving.pace import Pace
from tfpose.serving.requests import first_look
from tfpose.serving.requests.bodies import Reader
from tfpose.serving.settings import Limits

FORM = "multipart/form-data; boundary=x"
JSON = "application/json"
PHOTOGRAPH = pictures.SAMPLE.read_bytes()
MIB = 1 << 20
PART = 64 << 10
HOSTILE = {
    "more than 65536 fill bytes": hostile.fill_bytes(3 * MIB),
    "more than 4096 segments": hostile.empty_segments(MIB),
    "more than [0-9]+ chunks": hostile.empty_chunks(MIB // 4),
    "more than 1[0-9]+ chunks": hostile.webp_chunks(MIB // 2),
    "more than 100 scans": hostile.many_scans(45_000),
    "is no JPEG": bytes(3 * MIB),
    "50000 x 50000 pixels": hostile.many_scans(1, 50_000, 50_000, extra=b"") + bytes(3 * MIB),
}


def form(picture: bytes) -> tuple[bytes, str]:
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return head + picture + b"\r\n--x--\r\n", FORM


def images(picture: bytes) -> tuple[bytes, str]:
    return json.dumps({"images": [base64.b64encode(picture).decode()]}).encode(), JSON


def url_safe(picture: bytes) -> tuple[bytes, str]:
    text = base64.urlsafe_b64encode(picture).decode().rstrip("=")
    return json.dumps({"instances": [{"b64": text}]}).encode(), JSON


def data_url(picture: bytes) -> tuple[bytes, str]:
    text = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    return json.dumps({"hat_location": [], "img": text}, indent=1).encode(), ""


def read(body: bytes, kind: str, pace: Pace | None = None) -> tuple[bytes | ServiceError, int]:
    """What the reader gives of a body that comes in parts, and the bytes of those that it took."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        part = body[taken : taken + PART]
        taken += len(part)
        return {"type": "http.request", "body": part, "more_body": taken < len(body)}

    limits, metrics = Limits(), Metrics()
    reader = Reader(limits, metrics, pace or Pace(lambda: False, limits.bulk_share))
    try:
        got: bytes | ServiceError = asyncio.run(
            reader.read(receive, Headers({"content-type": kind}))
        )
    except ServiceError as error:
        got = error
        assert metrics.buffered._value.get() == 0  # nothing of it is held
    return got, taken


@pytest.mark.parametrize("sent", [form, images, url_safe, data_url])
@pytest.mark.parametrize("reason", HOSTILE)
def test_a_hostile_first_picture_is_refused_before_the_rest_of_the_body_comes(
    reason: str, sent: Callable[[bytes], tuple[bytes, str]]
) -> None:
    body, kind = sent(HOSTILE[reason])
    got, taken = read(body, kind)
    assert isinstance(got, ServiceError)
    with pytest.raises(ServiceError, match=f"the first picture: .*{reason}"):
        raise got
    assert taken <= Limits().bulk_bytes + PART < len(body)


@pytest.mark.parametrize("sent", [form, images, url_safe, data_url])
def test_a_large_photograph_is_read_whole(sent: Callable[[bytes], tuple[bytes, str]]) -> None:
    body, kind = sent(PHOTOGRAPH[:-2] + bytes(MIB) + PHOTOGRAPH[-2:])
    assert read(body, kind) == (body, len(body))


@pytest.mark.parametrize(
    "start",
    [
        b'{"note": "' + b"A" * 1000 + b'", "images": ["' + base64.b64encode(PHOTOGRAPH) + b'"]}',
        b'{"a": "\\"images\\": [\\"' + b"A" * 1000,  # inside of a string
        b'{"images": ["\\/9j\\/' + b"A" * 1000,  # with escapes: looked at when it is whole
        b'{"images": [',
        b"[[[",
        b"",
    ],
)
def test_what_is_not_understood_is_let_through(start: bytes) -> None:
    first_look.refuse(start, JSON, Limits())


def test_the_time_that_the_bounds_of_large_json_take_is_counted() -> None:
    told: list[float] = []

    class Told(Pace):
        def pause(self, spent: float, *, always: bool = False) -> float:
            told.append(spent)
            return 0.0

    body, kind = images(PHOTOGRAPH[:-2] + bytes(MIB) + PHOTOGRAPH[-2:])
    read(body, kind, Told(lambda: True, 0.2))
    parts = -(-len(body) // PART) - Limits().bulk_bytes // PART
    assert len(told) == parts
    assert min(told) > 0


def test_a_small_body_is_not_looked_at_before_it_is_whole() -> None:
    """Its picture has a name in the message then."""
    body, kind = form(hostile.fill_bytes(Limits().bulk_bytes - 1000))
    assert read(body, kind) == (body, len(body))
