"""The benchmarks of preprocessing and of the network, on small things."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from estimator import pictures
from estimator.engines import cpu
from estimator.outputs import results
from estimator.pose_estimator import shipped_names
from tfpose.benchmarks import works
from tfpose.benchmarks.overviews import revisions
from tfpose.benchmarks.runtime import engines
from tfpose.training import curves

from ..estimator.conftest import colour_flatbuffer, colour_model  # noqa: F401
from .conftest import Tfpose

Model = Callable[..., Path]


def test_preprocess_prints_a_row_a_picture(tmp_path: Path, tfpose: Tfpose) -> None:
    results.write_picture(tmp_path / "a.png", np.zeros((960, 1280, 3), np.uint8))
    ended = tfpose("benchmark", "preprocess", f"--pictures={tmp_path}", "--base_height=256")
    head, row = ended.stdout.splitlines()
    assert head.startswith("picture")
    name, pixels, *figures = row.split()
    assert (name, pixels) == (str(tmp_path / "a.png"), "1280x960")
    assert all(float(figure) > 0 for figure in figures)


def test_infer_prints_a_row_a_size_and_number_of_threads(
    colour_model: Model,  # noqa: F811
    tfpose: Tfpose,
) -> None:
    model = colour_model(flexible=True)
    arguments = (f"--models={model}", "--sizes=32x48,64x64", "--thread_counts=1,2")
    ended = tfpose("benchmark", "infer", *arguments)
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert [row[1:3] for row in rows] == [
        ["size", "threads"],
        ["32x48", "1"],
        ["64x64", "1"],
        ["32x48", "2"],
        ["64x64", "2"],
    ]
    assert all(row[4] == "1.00" for row in rows[1:])


def test_infer_measures_the_networks_that_ship(tfpose: Tfpose) -> None:
    """The second look's two graphs are fixed, each at a size of its own."""
    ended = tfpose("benchmark", "infer", "--sizes=192x128,256x192")
    rows = [line for line in ended.stdout.splitlines() if "model.tflite" in line]
    assert {Path(row.split()[0]).parent.name for row in rows} == set(shipped_names())


def test_infer_leaves_out_a_size_that_a_fixed_graph_does_not_take(
    colour_model: Model,  # noqa: F811
    tfpose: Tfpose,
) -> None:
    ended = tfpose("benchmark", "infer", f"--models={colour_model()}", "--sizes=64x64,32x48")
    assert [line.split()[1] for line in ended.stdout.splitlines()] == ["size", "32x48"]


def test_engines_prints_a_row_an_installed_engine(
    colour_model: Model,  # noqa: F811
    tfpose: Tfpose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "openvino" else name)
    monkeypatch.setattr(cpu, "lacks_vnni", lambda: True)
    monkeypatch.setattr(engines, "is_quantised", lambda path: True)
    model = colour_model()
    ended = tfpose("benchmark", "engines", f"--models={model}", "--thread_counts=1,2")
    assert ended.returncode == 0, ended.stderr
    features, head, *rows, advice = ended.stdout.splitlines()
    assert "of interest:" in features
    assert head.split()[:3] == ["model", "engine", "threads"]
    assert [row.split()[1:3] for row in rows] == [["litert", "1"], ["litert", "2"]]
    assert "pip install 'tfpose[openvino]'" in advice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["preprocess", "--pictures=none"], "no picture or folder at none"),
        (["preprocess", "--base_height=33"], "multiple of 8, at most 8192, found 33"),
        (["infer", "--models=none.tflite"], "no model at none.tflite"),
        (["whole", "--model=tfpose_detector_nano", "--reader=tfpose_s"], "tfpose_s is no top-down"),
    ],
)
def test_wrong_flags_are_no_traceback(arguments: list[str], message: str, tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", *arguments)
    assert ended.returncode in (1, 2)
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_infer_tells_the_first_answer_and_its_memory(colour_model: Model, tfpose: Tfpose) -> None:  # noqa: F811
    arguments = (f"--models={colour_model()}", "--engines=litert,onnxruntime", "--first")
    head, row = tfpose("benchmark", "infer", *arguments).stdout.splitlines()
    assert head.split()[-3:] == ["first", "ms", "MB"]
    name, *_, first, memory = row.split()  # one: ONNX Runtime does not read a .tflite
    assert name.endswith("@litert")
    assert float(first) > float(row.split()[3])
    assert 20 < float(memory) < 2000


def test_whole_prints_each_step_and_their_sum(colour_model: Model, tfpose: Tfpose) -> None:  # noqa: F811
    ended = tfpose("benchmark", "whole", f"--model={colour_model()}")
    head, row = ended.stdout.splitlines()
    assert head.split()[-4:] == ["all", "ratio", "reduced", "ratio"]
    *_, people, read, lay_in, network, decode, look, everything, ratio, reduced, less = row.split()
    assert float(look) >= 0
    assert int(people) >= 0
    assert float(everything) > max(map(float, (read, lay_in, network, decode))) * 0.5
    assert float(ratio) > 1
    half = 0.5 * 10.0 ** -len(network.partition(".")[2])  # of the last digit that is printed
    least = (float(reduced) - half) / (float(network) + half)
    most = (float(reduced) + half) / max(float(network) - half, 1e-9)
    assert 0.99 * least <= float(less) <= 1.01 * most


@pytest.mark.slow
def test_networks_prints_a_row_a_network_with_its_original(tmp_path: Path, tfpose: Tfpose) -> None:
    pytest.importorskip("tf2onnx")
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Relu", ["input"], ["output"])],
        "original",
        [helper.make_tensor_value_info("input", kind, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("output", kind, [1, 3, 8, 8])],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(
        helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "tfpose_person.onnx"
    )
    ended = tfpose(
        "benchmark",
        "networks",
        "--networks=tfpose_person",
        f"--originals={tmp_path}",
        "--seconds=0.1",
    )
    assert ended.returncode == 0, ended.stderr
    machine, head, row = ended.stdout.splitlines()
    assert "of interest:" in machine
    assert head.split()[:5] == ["network", "litert", "float32", "ratio", "litert"]
    name, *figures = row.split()
    assert name == "tfpose_person"
    assert len(figures) == 8
    assert all(float(figure) >= 0 for figure in figures)
    assert figures[1] == "1.00"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --networks=NAME,NAME; `tfpose zoo`"),
        (("--networks=rtmpose_t", "--originals=none"), "--originals=none: there is no such"),
        (("--networks=rtm",), "no model 'rtm'; there are"),
    ],
)
def test_networks_wants_names_that_there_are(
    arguments: tuple[str, ...], message: str, tfpose: Tfpose
) -> None:
    ended = tfpose("benchmark", "networks", *arguments)
    assert ended.returncode in (1, 2)
    assert message in ended.stderr


def test_revisions_compares_two_checkouts(tfpose: Tfpose) -> None:
    here = Path(__file__).resolve().parents[2]
    arguments = (f"--other={here}", "--works=decode@1,film@2", "--turns=1")
    ended = tfpose("benchmark", "revisions", *arguments)
    rows = [line.split() for line in ended.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["decode@1", "film@2"]
    assert all(float(cell) > 0 for row in rows for cell in row[1:])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--other=.", "--works=sleep@1"), "no work 'sleep@1'; there are decode@..., maps@..."),
        (("--other=estimator",), "is no checkout of tfpose: it has no folder estimator"),
    ],
)
def test_revisions_refuses(arguments: tuple[str, ...], said: str, tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "revisions", *arguments)
    assert ended.returncode > 0
    assert said in ended.stderr


def test_revisions_does_every_work_that_its_help_names() -> None:
    named = re.findall(r"`([a-z]+)@", revisions.__doc__ or "")
    assert set(named) == set(works.KINDS)
    assert {work.partition("@")[0] for work in revisions.WORKS.default} <= set(works.KINDS)


def test_plot_prints_tables_and_writes_a_picture(tmp_path: Path, tfpose: Tfpose) -> None:
    out = tmp_path / "speed.png"
    arguments = (f"--out={out}", "--people=1,2", "--heights=90,180", "--repeats=1")
    arguments += ("--connections=1,2", "--workers=1,3")
    ended = tfpose("benchmark", "plot", *arguments)
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert [row[0] for row in rows] == [
        *("processor:", "people", "1", "2", "megapixels", "0.01", "0.06"),
        *("connections", "1", "2", "workers", "1", "3", "wrote"),
    ]
    picture = pictures.read(out)
    assert picture.shape == (2 * curves.PANEL_HEIGHT, 2 * curves.PANEL_WIDTH, 3)
    assert (picture < 100).any()


def test_evaluate_prints_its_share(tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "evaluate", "--count=3", "--turns=1")
    head, row = ended.stdout.splitlines()
    assert head.split()[:4] == ["pictures", "reading", "network", "evaluation"]
    count, reading, network, whole, share, rate = map(float, row.split())
    assert count == 3
    assert share == pytest.approx((reading + network) / whole, abs=0.02)
    assert rate > 0
