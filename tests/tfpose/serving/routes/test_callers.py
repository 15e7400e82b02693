"""Who may ask: hosts by their names, and pages of other sites."""

import pytest
from fastapi.testclient import TestClient

from ..fakes import FakeNetwork, fake_app, picture


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:24417"])
def test_another_name_that_leads_here_is_refused(client: TestClient, host: str) -> None:
    """DNS rebinding: a page's own name, pointed at 127.0.0.1."""
    for path in ("/", "/v1/models", "/healthz"):
        assert client.get(path, headers={"Host": host}).status_code == 421
    answer = client.post("/v1/pose", files={"image": picture()}, headers={"Host": host})
    assert "--allowed_hosts" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:24417", "[::1]:80", "LOCALHOST."])
def test_the_loopback_is_known_by_its_names(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_service_on_all_addresses_is_reached_by_each(network: FakeNetwork) -> None:
    with TestClient(fake_app(network, host="0.0.0.0", hosts=("pose.example",))) as client:
        for host in ("10.1.2.3:80", "[fe80::1]", "pose.example"):
            assert client.get("/healthz", headers={"Host": host}).status_code == 200
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_what_another_sites_page_posts_is_not_worked_on(
    client: TestClient, network: FakeNetwork, origin: str
) -> None:
    headers = {"Origin": origin}
    answer = client.post("/v1/pose", files={"image": picture()}, headers=headers)
    assert answer.status_code == 403
    assert network.seen == []
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/v1/pose", files={"image": picture()}, headers=headers).status_code == 403
    own = {"Origin": "http://testserver"}
    assert client.post("/v1/pose", files={"image": picture()}, headers=own).status_code == 200
