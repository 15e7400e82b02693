import os
import threading

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


def test_threads_wait_for_one_another(capfd: pytest.CaptureFixture[str]) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            with stderr.kept(drop="known"):
                write(f"known\n{number}\n")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write("end\n")
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines[:-1]) == sorted("0123" * 20)
    assert lines[-1] == "end"
