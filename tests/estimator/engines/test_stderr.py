import os

import pytest

from estimator.engines import stderr


def write(text: str) -> None:
    os.write(2, text.encode())


def test_known_lines_are_dropped_and_others_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with stderr.kept(drop="^INFO: known"):
        write("INFO: known line\nWARNING: other\n")
    assert capfd.readouterr().err == "WARNING: other\n"


def fail() -> None:
    with stderr.kept():
        write("why\n")
        raise OSError("broken")


def test_all_is_shown_where_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="broken"):
        fail()
    assert capfd.readouterr().err == "why\n"
    with stderr.kept():
        write("not shown\n")
    assert capfd.readouterr().err == ""
