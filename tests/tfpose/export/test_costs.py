import subprocess
import sys
from pathlib import Path

import pytest

from tfpose import models
from tfpose.export import costs


@pytest.mark.parametrize(
    ("name", "height", "width", "gigamacs"),
    [  # counted from the originals' layer lists: reference/seed_details.md
        ("lightweight_openpose_0stage", 368, 368, 5.49),
        ("lightweight_openpose", 368, 368, 8.88),
        ("lightweight_openpose", 256, 456, 7.66),
        ("lightweight_openpose_3stage", 368, 368, 15.67),
        ("cmu", 368, 368, 135.9),
        ("cmu", 368, 432, 159.6),
        ("mobilenet_thin", 368, 368, 4.23),
        ("mobilenet_thin", 368, 432, 4.97),
        ("mobilenet_2017_fast", 368, 368, 2.56),
        ("mobilenet_2017_accurate", 368, 368, 9.49),
        ("mobilenet", 368, 368, 15.8 - 0.32),  # less the original's Conv2d_8, which nothing reads
        ("lpn_50", 256, 192, 1.07),
        ("hg_s2_b1", 256, 256, 9.0),
        ("hg_s2_b1_mobile", 256, 256, 3.6),
        ("rtmpose_s", 256, 192, 0.68),  # mmpose's table
    ],
)
def test_macs_are_those_counted_from_the_originals(
    name: str, height: int, width: int, gigamacs: float
) -> None:
    model = models.build(models.spec(name, height=height, width=width))
    assert costs.macs(model) / 1e9 == pytest.approx(gigamacs, rel=0.01)


def test_the_table_lists_what_is_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.zoo", "--models=lightweight_openpose_half", "--sizes"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    title, row = done.stdout.splitlines()[-2:]
    assert title.split()[:2] == ["model", "task"]
    columns = row.split()
    assert columns[1:5] == ["bottom-up", "openpose18", "256x456", "8"]
    assert columns[5:7] == ["1.048", "1.96"]  # about a quarter of 4.092 and 7.66
    float32, int8 = map(float, columns[-2:])
    assert float32 == pytest.approx(4.2, abs=0.2)
    assert int8 < float32 / 3
