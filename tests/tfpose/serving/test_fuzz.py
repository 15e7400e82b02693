"""Whatever is sent: an answer below 500, as the schema says, soon, and nothing kept.

schemathesis makes requests from the OpenAPI schema, valid and invalid; hypothesis makes bodies.
The long version (`-m faults`) sends more than 5,000.
"""

import http.client
import json
import time
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from .fake_service import Running, running
from .fakes import FakeNetwork, encoded, fake_app, people, picture, standing

LONGEST = 20.0  # seconds of processor time, of any answer; hundreds of times what one takes
PATIENCE = 180.0  # seconds until an answer counts as none; other programs may have the cores
PATHS = ["/", "/get_head_point", "/get_body_box", "/v1/pose", "/v1/models/pose:predict"]
KINDS = ["application/json", "multipart/form-data; boundary=x", "text/plain", ""]


quiet = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@pytest.mark.parametrize(
    ("mode", "examples"),
    [
        (schemathesis.GenerationMode.POSITIVE, 10),
        (schemathesis.GenerationMode.NEGATIVE, 10),
        pytest.param(
            schemathesis.GenerationMode.POSITIVE, 300, marks=[pytest.mark.soak, pytest.mark.faults]
        ),
        pytest.param(
            schemathesis.GenerationMode.NEGATIVE, 300, marks=[pytest.mark.soak, pytest.mark.faults]
        ),
    ],
)
def test_the_schema_is_kept(mode: schemathesis.GenerationMode, examples: int) -> None:
    app = fake_app(FakeNetwork(people(standing(100, 60))))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 14
    for operation in operations:
        if mode == schemathesis.GenerationMode.NEGATIVE and operation.method != "post":
            continue  # there is nothing in it that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=examples, derandomize=True, **quiet)
        def check(case: schemathesis.Case) -> None:
            start = time.process_time()
            response = case.call()
            assert time.process_time() - start < LONGEST
            assert response.status_code < 500 or response.status_code == 503
            # The schema cannot say that a string is a picture in base64: valid data may be refused.
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

        check()


numbers = st.one_of(st.integers(), st.floats(), st.integers(-(10**400), 10**400))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=50))
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
HATS = [{"height": 16, "left": 98, "top": 40, "width": 22}]
VALID = {
    "/": {"hat_location": HATS, "img": [encoded(picture(20, 30))]},
    "/v1/pose": {"images": [encoded(picture(20, 30, ".png"))]},
    "/v1/models/pose:predict": {"instances": [{"b64": encoded(picture(20, 30, ".webp"))}]},
}


@st.composite
def spoilt_bodies(draw: st.DrawFn) -> bytes:
    """A valid body with one of its parts, or a piece of its text, replaced."""
    body = json.loads(json.dumps(draw(st.sampled_from(list(VALID.values())))))
    place, key = body, draw(st.sampled_from(sorted(body)))
    while isinstance(place[key], list | dict) and place[key] and draw(st.booleans()):
        place = place[key]
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if draw(st.booleans()):
        place[key] = draw(trees)
        return json.dumps(body).encode()
    text = bytearray(json.dumps(body).encode())
    start = draw(st.integers(0, len(text)))
    text[start : start + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(text)


@st.composite
def spoilt_pictures(draw: st.DrawFn) -> bytes:
    """A form with a picture of which some bytes are others, or the end is missing."""
    data = bytearray(picture(20, 30, draw(st.sampled_from([".jpg", ".png", ".webp", ".bmp"]))))
    for _ in range(draw(st.integers(1, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    data = data[: draw(st.integers(0, 2 * len(data)))]
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return head + bytes(data) + b"\r\n--x--\r\n"


bodies = st.one_of(
    spoilt_bodies(),
    spoilt_pictures(),
    st.binary(max_size=200),
    trees.map(lambda t: json.dumps(t).encode()),
)


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(limits={"body_seconds": 2.0}) as service:
        yield service


def send(service: Running, path: str, kind: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    try:
        connection.request("POST", path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status < 500, (answer.status, text)
    if answer.status >= 400:
        said = json.loads(text)
        assert said.get("error") or said.get("message")
        assert "Traceback" not in text


@given(path=st.sampled_from(PATHS), kind=st.sampled_from(KINDS), body=bodies)
@settings(max_examples=150, derandomize=True, **quiet)
def test_no_body_is_an_error_of_ours(service: Running, path: str, kind: str, body: bytes) -> None:
    send(service, path, kind, body)


@pytest.mark.soak
@pytest.mark.faults
def test_no_body_is_an_error_of_ours_for_long(service: Running) -> None:
    @given(path=st.sampled_from(PATHS), kind=st.sampled_from(KINDS), body=bodies)
    @settings(max_examples=5000, **quiet)
    def fuzz(path: str, kind: str, body: bytes) -> None:
        send(service, path, kind, body)

    for _ in range(200):
        send(service, "/", KINDS[0], json.dumps(VALID["/"]).encode())
    before = service.resident
    fuzz()
    assert service.figure("tfpose_buffered_bytes") == 0
    assert service.resident - before < 16 << 20
