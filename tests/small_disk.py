"""A disk that is soon full: a tmpfs of its own, where the tests may mount one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1 << 20
BALLAST = "ballast"


class SmallDisk:
    """A mounted disk, filled and freed by a file of zeros."""

    def __init__(self, place: Path, mib: int = 3) -> None:
        self.place = place
        place.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={mib}m", "tmpfs")

    def fill(self, left: int) -> None:
        """Takes all but `left` bytes, in whole pages; 0 leaves nothing."""
        with (self.place / BALLAST).open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(max(0, file.tell() - left))

    def free(self) -> None:
        (self.place / BALLAST).unlink()

    def grow(self, mib: int) -> None:
        self._mount("-o", f"remount,size={mib}m")

    def end(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def half_written(self) -> list[Path]:
        """What a writer left that did not come to its end."""
        found = {path for mark in ("*partial*", ".export-*") for path in self.place.rglob(mark)}
        return sorted(found)

    def _mount(self, *options: str) -> None:
        done = subprocess.run(
            ["mount", *options, str(self.place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("needs the right to mount a tmpfs")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 3 MiB; needs root."""
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.end()
