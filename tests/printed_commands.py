"""What README and guides print, run as printed: their blocks, and an environment with `tfpose`."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def blocks(page: Path) -> list[str]:
    """The ```bash blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    """The commands that a page prints in its blocks, continued lines joined."""
    joined = [re.sub(r" *\\\n *", " ", block) for block in blocks(page)]
    return [line for block in joined for line in block.splitlines() if line.strip()]


def programs(page: Path) -> list[str]:
    """The ```python blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def environment(folder: Path) -> dict[str, str]:
    """Variables for a process in which `tfpose` and `python` are this checkout's.

    Args:
      folder: for the program's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in (("tfpose", "-m tfpose"), ("python", "")):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
    }


def run(command: str, place: Path) -> None:
    """Runs a printed command in a folder, as bash would from a terminal; it must succeed."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=place,
        env=environment(place.parent / "bin"),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
