import json
import socket
import time
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.sync.client import connect

from tfpose.serving.routes.stream import Latest
from tfpose.serving.settings import Limits

from ..fake_service import running
from ..fakes import FakeNetwork, fake_app, people, picture, standing

KEY = "a-key-of-at-least-16"
FRAME = picture(48, 64)


def test_people_keep_their_ids_from_frame_to_frame(
    client: TestClient, network: FakeNetwork
) -> None:
    with client.websocket_connect("/v1/stream?smooth=1") as stream:
        stream.send_bytes(FRAME)
        first = stream.receive_json()
        network.poses = people(standing(303, 60), standing(103, 60))
        stream.send_bytes(FRAME)
        second = stream.receive_json()
    assert (first["frame"], second["frame"]) == (0, 1)
    assert (first["width"], first["height"]) == (64, 48)
    assert [person["id"] for person in first["people"]] == [1, 2]
    assert [person["id"] for person in second["people"]] == [2, 1]
    assert 300 <= second["people"][0]["keypoints"]["right_eye"]["x"] + 4 <= 303


def test_only_the_latest_frame_is_looked_at(
    client: TestClient, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = []
    put = Latest.put
    monkeypatch.setattr(Latest, "put", lambda self, frame: (put(self, frame), came.append(frame)))
    with client.websocket_connect("/v1/stream") as stream:
        network.free.clear()
        stream.send_bytes(FRAME)
        wait(lambda: network.seen)
        for _ in range(10):
            stream.send_bytes(FRAME)
        wait(lambda: len(came) == 11)
        network.free.set()
        answers = [stream.receive_json(), stream.receive_json()]
    assert [answer["frame"] for answer in answers] == [0, 10]
    assert answers[1]["dropped"] == 9
    assert len(network.seen) == 2


def wait(holds: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.01)


def test_a_frame_that_is_no_picture_is_said_and_the_next_is_looked_at(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream") as stream:
        stream.send_bytes(b"hello")
        assert "no JPEG" in stream.receive_json()["error"]
        stream.send_bytes(picture(3000, 3001))
        assert "pixels" in stream.receive_json()["error"]
        stream.send_bytes(FRAME)
        assert len(stream.receive_json()["people"]) == 2


def test_text_ends_the_stream(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream") as stream:
        stream.send_text("hello")
        with pytest.raises(WebSocketDisconnect) as ended:
            stream.receive_json()
    assert (ended.value.code, ended.value.reason[:6]) == (1003, "frames")


def test_a_stream_without_frames_is_closed(network: FakeNetwork) -> None:
    app = fake_app(network, limits=Limits(idle_seconds=0.2))
    with (
        TestClient(app) as client,
        client.websocket_connect("/v1/stream") as stream,
        pytest.raises(WebSocketDisconnect) as ended,
    ):
        stream.receive_json()
    assert (ended.value.code, ended.value.reason) == (1001, "no frames")
    assert app.state.service.streams == 0


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/stream?model=other", {"X-API-Key": KEY}),
        ("/v1/stream", {}),
        ("/v1/stream", {"X-API-Key": KEY + "x"}),
        ("/v1/stream", {"X-API-Key": KEY, "Origin": "https://evil.example"}),
        ("/v1/stream", {"Sec-WebSocket-Protocol": "tfpose, key.wrong"}),
    ],
)
def test_a_stream_is_refused_without_key_model_or_from_another_page(
    network: FakeNetwork, path: str, headers: dict[str, str]
) -> None:
    with (
        TestClient(fake_app(network, api_key=KEY)) as client,
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(path, headers=headers),
    ):
        pass


def test_a_browser_gives_its_key_as_a_protocol(network: FakeNetwork) -> None:
    with (
        TestClient(fake_app(network, api_key=KEY)) as client,
        client.websocket_connect(
            "/v1/stream",
            subprotocols=["tfpose", f"key.{KEY}"],
            headers={"Origin": "http://testserver"},
        ) as stream,
    ):
        assert stream.accepted_subprotocol == "tfpose"
        stream.send_bytes(FRAME)
        assert len(stream.receive_json()["people"]) == 2


def test_streams_are_counted(network: FakeNetwork) -> None:
    with TestClient(fake_app(network, limits=Limits(streams=1))) as client:
        with client.websocket_connect("/v1/stream") as first:
            first.send_bytes(FRAME)
            first.receive_json()
            with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/stream"):
                pass
        with client.websocket_connect("/v1/stream") as second:
            second.send_bytes(FRAME)
            assert second.receive_json()["frame"] == 0


def test_a_slow_client_gets_the_latest_frame_and_memory_stays_flat() -> None:
    """40 frames a second, an answer read every 0.2 s, from a network of 20 a second."""
    with (
        running(seconds=0.05) as service,
        connect(f"ws://127.0.0.1:{service.port}/v1/stream") as to,
    ):
        sent = 0
        for _ in range(20):
            to.send(picture(480, 640))
            to.recv(timeout=5)
            sent += 1
        before, late = service.resident, []
        for turn in range(11):
            for _ in range(8):
                to.send(picture(480, 640))
                sent += 1
                time.sleep(0.025)
            answers = []
            while True:
                try:
                    answers.append(to.recv(timeout=0.0 if turn % 2 else 0.1))
                except TimeoutError:
                    break
            late.append(sent - 1 - _frame(answers[-1]) if answers else 0)
        assert max(late[2::2]) < 8  # having read all, it is at most one turn behind
        assert service.figure('tfpose_stream_frames_total{fate="dropped"}') > 0
        assert service.resident - before < 8 << 20


def _frame(answer: str | bytes) -> int:
    return int(json.loads(answer)["frame"])


def test_a_client_that_never_reads_is_closed_and_memory_stays_flat() -> None:
    limits = {"send_seconds": 0.5}
    with running(limits=limits) as service:
        _flood(service.port, 1.0, small=False)
        before = service.resident
        assert _flood(service.port, 90.0, small=True)  # until the kernel's buffers are full
        assert service.resident - before < 8 << 20
        wait(lambda: service.figure("tfpose_streams") == 0)


def _flood(port: int, seconds: float, *, small: bool) -> bool:
    """Sends frames and reads nothing; True if it was closed."""
    raw = socket.socket()
    if small:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.connect(("127.0.0.1", port))
    raw.settimeout(10)
    head = b"GET /v1/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    raw.sendall(
        head + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    frame = b"\x82\xfe" + len(FRAME).to_bytes(2, "big") + bytes(4) + FRAME  # masked with zeros
    until = time.monotonic() + seconds
    with raw:
        while time.monotonic() < until:
            try:
                raw.sendall(frame)
            except OSError:
                return True
    return False
