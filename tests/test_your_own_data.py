import csv
import json
import subprocess
from pathlib import Path

import cv2
import pytest

from tests import printed_commands
from tests.conftest import ROOT
from tfpose import datasets
from tfpose.pipeline import sample_sheet

GUIDE = ROOT / "docs" / "your_own_data.md"


STEPS = "--steps=300"


@pytest.mark.slow
def test_commands_of_the_guide_run_in_their_order(tmp_path: Path) -> None:
    """As printed, but for the number of steps."""
    _run(tmp_path, steps="--steps=30")


@pytest.mark.soak
def test_the_guides_network_learns(tmp_path: Path) -> None:
    _run(tmp_path, steps=STEPS)
    summary = json.loads((tmp_path / "toy" / "evaluation" / "summary.json").read_text())
    assert summary["figures"]["ap"] > 0.3


def _run(tmp_path: Path, steps: str) -> None:
    blocks = printed_commands.blocks(GUIDE)
    assert len(blocks) == 8
    environment = printed_commands.environment(tmp_path / "bin")
    assert sum(STEPS in block for block in blocks) == 1
    for block in blocks:
        block = block.replace(STEPS, steps)
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
    for split, count in (("train", 160), ("val", 40)):
        records, skeleton = datasets.load("custom/toy", tmp_path / "toy" / "data", split)
        assert int(records.cardinality()) == count
        assert skeleton.name == "toy5"
    report = (tmp_path / "toy" / "report" / "report.txt").read_text()
    assert "\n0 errors" in report
    sheet = cv2.imread(str(tmp_path / "toy" / "samples.png"))
    assert sheet.shape == (6 * sample_sheet.TILE, 8 * sample_sheet.TILE, 3)
    with (tmp_path / "toy" / "run" / "log.csv").open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row.get("validation.AP")]
    assert len(measured) == 4
    for name in ("curves.png", "predictions.jpg"):
        assert cv2.imread(str(tmp_path / "toy" / "run" / name)) is not None
    # What training measured at its end is what `evaluate` measures at the same height.
    summary = json.loads((tmp_path / "toy" / "evaluation" / "summary.json").read_text())
    assert float(measured[-1]["validation.height"]) == 128
    assert float(measured[-1]["validation.AP"]) == pytest.approx(summary["figures"]["ap"], abs=1e-6)
    for number in (160, 161):
        assert (tmp_path / "toy" / "drawn" / f"{number:04d}.poses.jpg").is_file()
