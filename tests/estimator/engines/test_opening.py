"""Which engine runs a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from estimator import bundle
from estimator.engines import cpu, opening
from estimator.pose_estimator import DEFAULT, model_path
from tests.estimator.conftest import colour_spec

FLOAT = model_path("tfpose_s_float16")
INT8 = model_path(DEFAULT)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, bool], None]:
    """Makes a processor without (or with) VNNI on which OpenVINO is (or isn't) installed."""

    def make(openvino: bool, vnni: bool) -> None:
        monkeypatch.setattr(opening, "find_spec", lambda name: object() if openvino else None)
        monkeypatch.setattr(cpu, "lacks_vnni", lambda: not vnni)

    return make


@pytest.mark.parametrize(
    ("path", "openvino", "vnni", "engine"),
    [
        (INT8, True, False, "openvino"),
        (INT8, True, True, "litert"),
        (INT8, False, False, "litert"),
        (FLOAT, True, False, "litert"),
        (Path("a.onnx"), True, False, "onnxruntime"),
        (Path("a.xml"), True, True, "openvino"),
        (Path("none.tflite"), True, False, "litert"),
        (Path("a.txt"), True, False, "litert"),
    ],
)
def test_openvino_runs_int8_where_vnni_is_missing(
    path: Path, openvino: bool, vnni: bool, engine: str, installed: Callable[[bool, bool], None]
) -> None:
    installed(openvino, vnni)
    spec = bundle.read(path) if path.is_file() else bundle.read(INT8)
    assert opening.fastest(path, spec) == engine


def test_outputs_of_as_many_channels_stay_with_litert(
    installed: Callable[[bool, bool], None],
) -> None:
    installed(True, False)
    spec = colour_spec()
    assert len(set(spec.channels.values())) < len(spec.channels)
    assert opening.fastest(INT8, spec) == "litert"


def test_nothing_asked_for_takes_what_starts_fastest(
    installed: Callable[[bool, bool], None],
) -> None:
    installed(True, False)
    runner = opening.open_runner(INT8, bundle.read(INT8), threads=1)
    assert type(runner).__name__ == "LiteRtRunner"


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be one of auto, litert, .*found 'tensorrt'"):
        opening.open_runner(INT8, bundle.read(INT8), engine="tensorrt")


def test_a_second_file_takes_the_same_engine_where_it_can() -> None:
    tflite, onnx = Path("reader.tflite"), Path("reader.onnx")
    assert opening.where_it_fits("openvino", tflite) == "openvino"
    assert opening.where_it_fits("onnxruntime", tflite) is None
    assert opening.where_it_fits("litert", onnx) is None
    assert opening.where_it_fits("auto", tflite) == "auto"
    assert opening.where_it_fits(None, tflite) is None
