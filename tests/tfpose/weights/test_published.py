import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tfpose.commands import zoo_figures
from tfpose.weights import published
from tfpose.weights.published import Published, PublishedFile

DATA = b"weights" * 1000


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a server with one file."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(DATA)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "served"))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def entry(address: str, digest: str | None = None) -> Published:
    part = PublishedFile(
        address=f"{address}/a.bin",
        name="mine.bin",
        size=len(DATA),
        sha256=digest or hashlib.sha256(DATA).hexdigest(),
    )
    return Published(
        name="mine", about="", licence="", model="cmu", source="mine.bin", files=(part,)
    )


def test_a_file_is_downloaded_once_and_checked(address: str, tmp_path: Path) -> None:
    told: list[str] = []
    one, folder = entry(address), tmp_path / "weights"
    assert not published.is_there(one, folder)
    (path,) = published.download(one, folder, told=told.append)
    assert path.read_bytes() == DATA
    assert published.is_there(one, folder)
    published.download(one, folder, told=told.append)
    assert len(told) == 1


def test_another_file_is_refused_and_not_kept(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not the published file"):
        published.download(entry(address, "0" * 64), tmp_path / "weights")
    assert list((tmp_path / "weights").iterdir()) == []


def test_without_a_network_it_says_where_to_put_the_file(tmp_path: Path) -> None:
    one = entry("http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(OSError, match=r"put it to .*mine\.bin"):
        published.download(one, tmp_path)
    part = replace(one.files[0], address="http://127.0.0.1:9/missing")
    with pytest.raises(OSError, match="cannot be downloaded"):
        published.download(replace(one, files=(part,)), tmp_path)


def test_every_entry_is_for_a_network_of_ours_and_says_how_it_is_had() -> None:
    assert len({one.name for one in published.TABLE}) == len(published.TABLE)
    for one in published.TABLE:
        assert one.model in zoo_figures.read()
        assert bool(one.files) != bool(one.page)
        assert f"--source=w/{one.source}" in one.command(Path("w"))
        for part in one.files:
            assert len(part.sha256) == 64
    with pytest.raises(ValueError, match="there are human_pose_estimation_0001"):
        published.get("nothing")
