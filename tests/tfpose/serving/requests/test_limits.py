import json
import resource
import struct
import time
import tracemalloc
import zlib

import pytest
from fastapi.testclient import TestClient

from tests import hostile_pictures as hostile
from tfpose.serving.errors import ServiceError
from tfpose.serving.requests import encoded_pictures
from tfpose.serving.requests.json_bounds import JsonBounds
from tfpose.serving.settings import Limits, Settings

from ..fakes import FakeNetwork, encoded, fake_app, picture


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_zeros(mib: int) -> bytes:
    """Zeros, packed about 200 times smaller by zlib's fastest level."""
    deflate = zlib.compressobj(1)
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(mib)) + deflate.flush()


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return png[:33] + chunk(kind, data) + png[33:]


def liar(kind: str) -> bytes:
    """A small picture whose header says 50,000 x 50,000."""
    data = bytearray(picture(8, 8, kind))
    if kind == ".png":
        struct.pack_into(">II", data, 16, 50_000, 50_000)
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    elif kind == ".bmp":
        struct.pack_into("<iiHHI", data, 18, 50_000, 50_000, 1, 24, 3)
    elif kind == ".jpg":
        start = data.index(b"\xff\xc0")
        struct.pack_into(">HH", data, start + 5, 50_000, 50_000)
    return bytes(data)


@pytest.mark.parametrize("kind", [".png", ".bmp", ".jpg"])
def test_a_picture_of_50000_x_50000_is_refused_by_its_header(
    client: TestClient, network: FakeNetwork, kind: str
) -> None:
    answer = client.post("/v1/pose", files={"image": liar(kind)})
    assert answer.status_code == 413
    assert "50000 x 50000 pixels" in answer.json()["error"]
    assert network.seen == []


@pytest.mark.parametrize(
    ("kind", "start"), [(b"zTXt", b"bomb\0\0"), (b"iCCP", b"bomb\0\0"), (b"IDAT", b"")]
)
def test_a_zip_bomb_in_a_small_png_is_not_unpacked(
    client: TestClient, kind: bytes, start: bytes
) -> None:
    """256 MiB behind the header of 8 x 8 pixels: as text, as a colour profile, as pixels."""
    bomb = with_chunk(picture(8, 8, ".png"), kind, start + packed_zeros(256))
    assert len(bomb) < 2_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/v1/pose", json={"images": [encoded(bomb)]})
    assert answer.status_code in (200, 422)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_pixels_are_limited_by_the_settings() -> None:
    limits = Limits(picture_pixels=100, picture_side=20)
    assert encoded_pictures.check(picture(10, 10), "it", limits).width == 10
    for height, width in ((10, 11), (2, 21)):
        with pytest.raises(ServiceError, match=f"has {width} x {height} pixels"):
            encoded_pictures.check(picture(height, width), "it", limits)


@pytest.mark.parametrize(
    "start",
    [b"II*\0", b"\0\0\0\x0cjP  ", b"P6 8 8 255 ", b"GIF89a", b"\0\0\0\x1cftypavif", b"", b"<svg"],
)
def test_formats_whose_size_is_not_read_before_decoding_are_refused(
    client: TestClient, start: bytes
) -> None:
    answer = client.post("/v1/pose", files={"image": start + bytes(100)})
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp"])
def test_a_picture_that_is_cut_off_anywhere_is_no_error_of_ours(
    client: TestClient, kind: str
) -> None:
    data = picture(16, 16, kind)
    for end in range(1, len(data), max(1, len(data) // 25)):
        assert client.post("/v1/pose", files={"image": data[:end]}).status_code in (200, 415, 422)


def test_100_mb_of_base64_are_refused_and_not_held(client: TestClient) -> None:
    body = b'{"images": ["' + b"A" * 100_000_000 + b'"]}'
    tracemalloc.start()
    answer = client.post("/v1/pose", content=body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 413
    assert peak < 2 * len(body)  # the test's own body, once more on its way, and nothing else


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 17 + b"]" * 17,
        b'{"images":' * 1000 + b"1" + b"}" * 1000,
        b"[" + b"[]," * 5000 + b"[]]",
        b"[" * 1_000_000,
        hostile.deep_escapes(1_000_000),
        b"[" + b"1," * 70_000 + b"1]",
        b"[" + b'"",' * 40_000 + b"1]",
    ],
)
def test_deep_or_crowded_json_is_refused(client: TestClient, body: bytes) -> None:
    start = time.monotonic()
    answer = client.post("/v1/pose", content=body)
    assert answer.status_code == 400
    assert "nest 16 deep" in answer.json()["error"]
    assert time.monotonic() - start < 20


def test_brackets_in_strings_do_not_count(client: TestClient) -> None:
    body = b'{"images": ["' + b"[{" * 3000 + b'\\"[[[[' + b'"]}'
    assert "not base64" in client.post("/v1/pose", content=body).json()["error"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_json_is_bounded_however_it_is_cut_into_pieces(size: int) -> None:
    """Brackets in strings, behind escaped quotes and behind escaped backslashes."""
    body = b'{"a\\\\": [1, "[[\\"[[\\\\", {"b": "\\\\\\"{{"}]}'
    tree = json.loads(body)
    assert tree["a\\"][1] == '[["[[\\'
    for depth in (3, 2):
        bounds = JsonBounds(Limits(json_depth=depth))
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        refused = False
        for piece in pieces:
            try:
                bounds.feed(piece)
            except ServiceError as error:
                refused = "nest 2 deep" in error.message
                break
        assert refused == (depth == 2)


def test_brackets_behind_a_long_string_count_after_pieces_that_were_passed_over() -> None:
    bounds = JsonBounds(Limits(json_depth=2))
    for piece in (b'["', b"A" * 100, b"[[[[", b"A\\", b'"[[', b'A"', b"["):
        bounds.feed(piece)
    with pytest.raises(ServiceError, match="nest 2 deep"):
        bounds.feed(b"[")


def test_bodies_held_at_once_are_bounded(network: FakeNetwork) -> None:
    limits = Limits(buffered_bytes=1000)
    with TestClient(fake_app(network, limits=limits)) as client:
        answer = client.post("/v1/pose", content=b" " * 1001)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "tfpose_buffered_bytes 0.0" in client.get("/metrics").text
        assert client.post("/v1/pose", content=b" " * 999).status_code == 400


@pytest.mark.parametrize("name", vars(Limits()))
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, found 0"):
        Limits(**{name: 0})


@pytest.mark.parametrize(
    "settings",
    [
        {"models": {}},
        {"models": {"a/b": "x"}},
        {"hard_hat_rule": "other"},
        {"lanes": 0},
        {"batch_pictures": 0},
        {"drain_seconds": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"must|there"):
        Settings(**({"models": {"a": "b"}} | settings))
