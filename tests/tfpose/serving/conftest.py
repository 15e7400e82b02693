"""The service around a network that finds two standing people."""

from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from fastapi.testclient import TestClient

from .fakes import FakeNetwork, fake_app, people, standing


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork(people(standing(100, 60), standing(300, 60)))


@pytest.fixture
def client(network: FakeNetwork) -> Iterator[TestClient]:
    with TestClient(fake_app(network), raise_server_exceptions=True) as client:
        yield client
