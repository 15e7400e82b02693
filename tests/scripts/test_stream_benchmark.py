from collections.abc import Callable
from pathlib import Path

import pytest

from ..estimator.conftest import colour_flatbuffer, colour_model  # noqa: F401
from .conftest import Tfpose


@pytest.mark.slow
def test_stream_prints_a_row_a_stage(colour_model: Callable[..., Path], tfpose: Tfpose) -> None:  # noqa: F811
    arguments = (f"--model={colour_model()}", "--frames=10", "--turns=1")
    ended = tfpose("benchmark", "stream", *arguments)
    head, *rows, rest = ended.stdout.splitlines()
    assert head.startswith("stage")
    assert [row.split("  ")[0] for row in rows] == [
        *("network alone", "whole", "capture", "letterbox", "decode"),
        *("second look", "follow", "draw", "write"),
    ]
    for row in rows:
        assert all(float(figure) >= 0 for figure in row.split()[-4:])
    alone, whole, *others, more = (float(row.split()[-3]) for row in [*rows, rest])
    assert whole == pytest.approx(alone + sum(others) + more, abs=0.6)  # of rounded figures
    assert rest.startswith("in no stage")
