"""Files of multipart bodies, however they lie."""

import pytest

from tfpose.serving.errors import ServiceError
from tfpose.serving.requests import multipart

KIND = "multipart/form-data; boundary=x"
HEAD = b'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


def body(*files: bytes) -> bytes:
    return b"".join(b"--x\r\n" + HEAD + data + b"\r\n" for data in files) + b"--x--\r\n"


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64])
def test_a_boundary_is_found_wherever_the_body_is_cut_into_pieces(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "_PIECE", piece)
    files = [b"one", b"", b"\r\n-", b"three\r\n--", b"x" * 100]
    assert multipart.files(body(*files), KIND, 16) == files
    with pytest.raises(ServiceError, match="has no end"):
        multipart.files(body(*files)[:-20], KIND, 16)


def test_it_rests_between_the_pieces_of_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_PIECE", 100)
    rests: list[int] = []
    multipart.files(body(bytes(1000)), KIND, 16, lambda: rests.append(1))
    assert len(rests) == 10


def test_the_first_file_shows_while_the_body_is_still_coming() -> None:
    whole = body(b"first", b"second")
    start = whole.index(b"first")
    for end in range(start + 1, len(whole)):
        assert multipart.beginning(whole[:end], KIND) == whole[start : min(end, start + 5)] or (
            start + 5 < end < start + 10  # a part of what may be the boundary
        )


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\ntext", KIND),  # no file
        (b"preamble\r\n--x\r\n" + HEAD + b"data", KIND),
        (b"--x\r\n" + HEAD[:-4], KIND),
        (b"--x\r\n" + HEAD + b"data", "multipart/form-data"),
    ],
)
def test_of_what_is_not_understood_no_beginning_is_shown(start: bytes, kind: str) -> None:
    assert multipart.beginning(start, kind) is None
