"""What the gRPC door holds: keys, sizes, slow clients, a full queue, and its end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("grpc", reason="needs the extra [grpc]")

import grpc
from fastapi.testclient import TestClient

from estimator.protobuf import field
from tfpose.serving.settings import Limits

from ..fakes import FakeNetwork, fake_app, people, picture, standing
from ..prediction_request import METHOD, request

KEY = "sixteen-letters-at-least"


@contextmanager
def served(network: FakeNetwork, **settings: Any) -> Iterator[Any]:
    """A channel to a service around a network."""
    app = fake_app(network, grpc_port=0, **settings)
    with (
        TestClient(app),
        grpc.insecure_channel(f"127.0.0.1:{app.state.service.grpc_port}") as channel,
    ):
        channel.service = app.state.service
        yield channel


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork(people(standing(100, 60)))


def code(call: Any) -> str:
    """The name of the code that a call ends with."""
    try:
        call.result(timeout=20)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def start(channel: Any, message: bytes, **options: Any) -> Any:
    """A call under way."""
    return channel.unary_unary(METHOD).future(message, timeout=20, **options)


def test_without_the_key_no_byte_of_the_message_is_read(network: FakeNetwork) -> None:
    with served(network, api_key=KEY) as channel:
        asked = threading.Event()

        def never() -> Iterator[bytes]:
            asked.wait(20)
            yield request([picture()])

        call = channel.stream_unary(METHOD).future(never(), timeout=20)
        assert code(call) == "UNAUTHENTICATED"
        asked.set()
        for metadata in (
            (("x-api-key", KEY),),
            (("authorization", f"Bearer {KEY}"),),
        ):
            assert code(start(channel, request([picture()]), metadata=metadata)) == "OK"
        wrong = (("x-api-key", KEY[:-1]),)
        assert code(start(channel, request([picture()]), metadata=wrong)) == "UNAUTHENTICATED"
    assert len(network.seen) == 2


def test_a_message_that_is_too_large_is_refused(network: FakeNetwork) -> None:
    with served(network, limits=Limits(body_bytes=100_000)) as channel:
        assert code(start(channel, request([bytes(300_000)]))) == "RESOURCE_EXHAUSTED"
        assert code(start(channel, request([picture()]))) == "OK"


def test_a_compressed_message_is_refused(network: FakeNetwork) -> None:
    with served(network) as channel:
        bomb = request([bytes(30 << 20)])
        found = code(start(channel, bomb, compression=grpc.Compression.Gzip))
        assert found in ("UNIMPLEMENTED", "INTERNAL")
        assert code(start(channel, request([picture()]))) == "OK"
    assert len(network.seen) == 1


def test_a_message_of_a_million_parts_is_refused_at_once(network: FakeNetwork) -> None:
    with served(network) as channel:
        begun = time.process_time()
        assert code(start(channel, field(3, b"") * 1_000_000)) == "INVALID_ARGUMENT"
        assert time.process_time() - begun < 1
        for nonsense in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f", field(2, field(2, b"\x08"))):
            assert code(start(channel, nonsense)) == "INVALID_ARGUMENT"
        assert code(start(channel, request([picture()]))) == "OK"


def test_a_slow_sender_is_given_up_and_holds_nobody_for_longer(network: FakeNetwork) -> None:
    limits = Limits(body_bytes=100_000, buffered_bytes=100_000, body_seconds=1.0)
    with served(network, limits=limits) as channel:
        end = threading.Event()

        def never() -> Iterator[bytes]:
            end.wait(20)
            yield from ()

        slow = channel.stream_unary(METHOD).future(never(), timeout=20)
        time.sleep(0.3)
        waiting = start(channel, request([picture()]))
        assert code(slow) == "DEADLINE_EXCEEDED"
        assert code(waiting) == "OK"
        end.set()


def test_a_full_queue_says_when_to_come_again(network: FakeNetwork) -> None:
    with served(network, lanes=1, limits=Limits(queued_pictures=1)) as channel:
        network.free.clear()
        calls = [start(channel, request([picture()])) for _ in range(6)]
        refused = [call for call in calls if _ended(call) == "UNAVAILABLE"]
        network.free.set()
        assert refused
        assert all("grpc-retry-pushback-ms" in dict(call.trailing_metadata()) for call in refused)
        assert {code(call) for call in calls} == {"OK", "UNAVAILABLE"}


def _ended(call: Any) -> str | None:
    """The code of a call that ends within a second; None of one that does not."""
    end = time.monotonic() + 1
    while not call.done() and time.monotonic() < end:
        time.sleep(0.01)
    return code(call) if call.done() else None


def test_what_is_taken_is_answered_before_the_end(network: FakeNetwork) -> None:
    app = fake_app(network, grpc_port=0)
    with TestClient(app) as client:
        channel = grpc.insecure_channel(f"127.0.0.1:{app.state.service.grpc_port}")
        assert client.get("/readyz").status_code == 200
        network.free.clear()
        call = start(channel, request([picture()]))
        while not network.seen:
            time.sleep(0.01)
        threading.Timer(0.5, network.free.set).start()
    assert code(call) == "OK"  # and the service has ended
    assert code(start(channel, request([picture()]))) == "UNAVAILABLE"
    channel.close()


def test_who_goes_away_leaves_room_behind(
    network: FakeNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(body_bytes=100_000, buffered_bytes=100_000)
    with served(network, lanes=1, limits=limits) as channel:
        network.free.clear()
        call = start(channel, request([picture()]))
        while not network.seen:
            time.sleep(0.01)
        call.cancel()
        network.free.set()
        assert code(start(channel, request([picture()]))) == "OK"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_calls_are_counted_by_method_and_code(network: FakeNetwork) -> None:
    from prometheus_client import generate_latest

    with served(network) as channel:
        code(start(channel, request([picture()])))
        code(start(channel, request([b"no picture"])))
        text = generate_latest(channel.service.metrics.registry).decode()
    for name, number in (("OK", 1.0), ("INVALID_ARGUMENT", 1.0)):
        labels = f'method="GRPC",route="grpc/Predict",status="{name}"'
        assert f"tfpose_requests_total{{{labels}}} {number}" in text


def test_a_port_that_is_taken_is_named(network: FakeNetwork) -> None:
    with served(network) as channel:
        port = channel.service.grpc_port
        app = fake_app(network, grpc_port=port)
        with pytest.raises(OSError, match=rf":{port}: is the port taken"), TestClient(app):
            pass
