"""/live: the built demo's files and no others, and a clear word where there is none."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from fastapi.testclient import TestClient

from ..fakes import FakeNetwork, fake_app

KEY = "a-key-of-at-least-16"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder like a built site, with a file beside it that is nobody's business."""
    site = tmp_path / "site"
    (site / "wasm").mkdir(parents=True)
    for name in ("index.html", "worker.js", "wasm/a.wasm"):
        (site / name).write_text(name)
    (tmp_path / "secret.txt").write_text("secret")
    return site


def test_without_a_folder_live_says_how_to_have_one(client: TestClient) -> None:
    answer = client.get("/live", follow_redirects=True)
    assert answer.status_code == 404
    assert "npm --prefix web run build" in answer.json()["error"]
    assert "--live=web/build/site" in answer.json()["error"]


def test_the_site_is_served_isolated_and_without_the_key(network: FakeNetwork, site: Path) -> None:
    with TestClient(fake_app(network, live=site, api_key=KEY)) as client:
        page = client.get("/live", follow_redirects=True)
        assert (page.status_code, page.text) == (200, "index.html")
        assert str(page.url).endswith("/live/")  # relative addresses are below it
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        assert page.headers["cross-origin-embedder-policy"] == "require-corp"
        assert client.get("/live/worker.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/live/wasm/a.wasm").headers["content-type"] == "application/wasm"
        assert client.get("/v1/models").status_code == 401


@pytest.mark.parametrize("path", ["nothing.js", "..%2Fsecret.txt", "%2e%2e/secret.txt", "wasm"])
def test_only_files_of_the_site_are_served(network: FakeNetwork, site: Path, path: str) -> None:
    with TestClient(fake_app(network, live=site)) as client:
        answer = client.get(f"/live/{path}")
        assert answer.status_code == 404
        assert "secret" not in answer.text


def test_a_folder_that_is_no_site_is_refused(network: FakeNetwork, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not the built live demo"):
        fake_app(network, live=tmp_path)
