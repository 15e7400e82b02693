import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.train", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )


@pytest.mark.slow
def test_the_command_stops_clearly_and_prints_the_recipe_with_its_overrides(tmp_path: Path) -> None:
    unknown = start("--recipe=mine", f"--run={tmp_path}")
    assert unknown.returncode != 0
    assert "lightweight_openpose_half" in unknown.stderr
    known = start(
        "--recipe=lightweight_openpose_half",
        f"--run={tmp_path}",
        f"--data_dir={tmp_path}",
        "--optimiser.rate=0.25",
        "--schedule.warmup=7",
    )
    assert known.returncode == 1
    assert '"rate": 0.25' in known.stderr
    assert '"warmup": 7' in known.stderr
    assert "FileNotFoundError: no prepared data set 'coco'" in known.stderr
    assert "Traceback" not in known.stderr
