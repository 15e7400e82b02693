"""The commands and programs of docs/serving.md, as printed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .fake_service import ROOT, running
from .fakes import picture

BLOCKS = re.findall(
    r"```(bash|python)\n(.*?)```", (ROOT / "docs/serving.md").read_text(), re.DOTALL
)
ASKS = [(kind, code) for kind, code in BLOCKS if "127.0.0.1" in code or "0.0.0.0" in code]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_is_printed_runs(tmp_path: Path) -> None:
    asks = [(kind, code) for kind, code in ASKS if "docker" not in code]
    assert len(asks) == 4
    for name in ("photo.jpg", "a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(picture())
    said = []
    with running() as service:
        for kind, printed in asks:
            code = printed.replace("24417", str(service.port)).replace(
                "python -", f"{sys.executable} -"
            )
            program = ["bash", "-c"] if kind == "bash" else [sys.executable, "-c"]
            ended = subprocess.run(
                [*program, code], cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
            assert ended.returncode == 0, ended.stderr
            said.append(ended.stdout)
    assert len(json.loads(said[0])["images"][0]["people"]) == 2
    assert (tmp_path / "drawn.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert said[1].startswith("0.9 [74.0, 60.0, 52.0, 179.0] {'x': 100.0, 'y': 64.0")
    assert said[2] == "0 0 [1, 2]\n1 0 [1, 2]\n"
    answer = json.loads(said[3])
    assert (answer["code"], answer["message"], len(answer["data"])) == ("200", "Success", 2)
