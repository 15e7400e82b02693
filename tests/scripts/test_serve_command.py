"""The commands around the service, with a network of colours."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from ..estimator.conftest import colour_flatbuffer, colour_model  # noqa: F401
from .conftest import Tfpose


def test_the_service_starts_says_where_and_ends(colour_model: Callable[..., Path]) -> None:  # noqa: F811
    told = [f"--model=colours={colour_model()}", "--port=0", "--lanes=1", "--drain_seconds=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tfpose", "serve", *told],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        rows = (json.loads(row) for row in process.stderr if row.startswith("{"))
        running = next(row["message"] for row in rows if "running on" in row["message"])
        place = running.split("//")[1].split(" ")[0]
        assert place.startswith("127.0.0.1:")
        connection = http.client.HTTPConnection(place, timeout=10)
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                connection.connect()
                break
            time.sleep(0.1)
        connection.request("GET", "/v1/models")
        answer = json.loads(connection.getresponse().read())
        found = [(model["name"], model["engine"]) for model in answer["models"]]
        assert found == [("colours", "litert")]
        connection.request("POST", "/", json.dumps({"hat_location": []}))
        answer = json.loads(connection.getresponse().read())
        assert (answer["code"], answer["data"]) == ("422", [])
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model=nothing.tflite",), "error: no model at nothing.tflite"),
        (("--model=a/pose.tflite", "--model=b/pose.tflite"), "have one name"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    arguments: tuple[str, ...], said: str, tfpose: Tfpose
) -> None:
    ended = tfpose("serve", *arguments)
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_benchmark_prints_a_row_a_number_of_connections(
    colour_model: Callable[..., Path],  # noqa: F811
    tfpose: Tfpose,
) -> None:
    told = (f"--model={colour_model()}", "--connections=1,3", "--seconds=2", "--window=1")
    head, *rows = tfpose("benchmark", "serve", *told).stdout.splitlines()
    assert head.split()[:3] == ["connections", "pictures/s", "alone/s"]
    assert [row.split()[0] for row in rows] == ["1", "3"]
    for row in rows:
        assert row.split()[7].startswith("200:")
