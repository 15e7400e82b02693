import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tfpose.benchmarks.training import input_pipeline

ROOT = Path(__file__).resolve().parents[2]


def test_made_pictures_are_as_large_as_cocos() -> None:
    records = input_pipeline.make(5)
    assert 50_000 < np.mean([len(record.image) for record in records]) < 120_000
    for record in records:
        assert cv2.imdecode(np.frombuffer(record.image, np.uint8), 1).shape == (480, 640, 3)
        assert record.keypoints.shape == (5, 18, 3)


@pytest.mark.slow
def test_a_row_is_printed_for_1_5_and_20_people() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tfpose", "benchmark", "input_pipeline", "--turns=1", "--cores=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    rows = [line.split() for line in ended.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["1", "1"], ["1", "5"], ["1", "20"]]
    assert all(row[-1].endswith("%") for row in rows)
