"""The weights that a recipe's printed command starts from: files of their true layout load.

`pytest -m soak` runs each printed command itself, for a step on a small set.
"""

import csv
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import pictures
from tests.in_process import Tfpose, tfpose
from tests.tfpose import golden_weights
from tfpose import models, recipes
from tfpose.data import sample_files
from tfpose.data.prepare import prepare
from tfpose.datasets import custom
from tfpose.weights.loading import load_weights

from .test_topdown_checkpoints import imagenet_hrnet, imagenet_resnet

torch = pytest.importorskip("torch")
__all__ = ["tfpose"]


def imagenet_mobilenet() -> dict[str, Any]:
    """marvis/pytorch-mobilenet: `model.0` to `model.13`, and a classifier."""
    weights = {
        name: torch.from_numpy(np.asarray(array))
        for name, array in golden_weights.weights("lightweight_openpose_1stage").items()
        if name.startswith("model.")
    }
    for block, channels in ((12, 512), (13, 1024)):
        weights[f"model.{block}.0.weight"] = torch.zeros(channels, 1, 3, 3)
        weights[f"model.{block}.3.weight"] = torch.zeros(1024, channels, 1, 1)
    return {"state_dict": weights | {"fc.weight": torch.zeros(1000, 1024)}}


def cspnext() -> dict[str, Any]:
    """mmpose's `cspnext-*_udp-*.pth`: the backbone, and a head with heatmaps."""
    weights = {
        name: torch.from_numpy(np.asarray(array))
        for name, array in golden_weights.weights("rtmpose_t").items()
        if name.startswith("backbone.")
    }
    weights["head.final_layer.weight"] = torch.zeros(17, 384, 1, 1)
    weights["head.deconv_layers.0.weight"] = torch.zeros(384, 256, 4, 4)
    return {"state_dict": weights}


# Recipe: the file that its command names, a network of its family that is small, and a layer.
STARTS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "hrnet_w32": (imagenet_hrnet, "hrnet_w18_v1", "conv1"),
    "lightweight_openpose_step1": (imagenet_mobilenet, "lightweight_openpose", "model-1-3"),
    "pose_resnet_50": (imagenet_resnet, "pose_resnet_50", "conv1"),
    "rtmpose_s": (cspnext, "rtmpose_t", "backbone-stem-0-conv"),
}


def flags(recipe: str) -> dict[str, str]:
    """The flags of the command that a recipe's docstring prints."""
    text = importlib.import_module(recipes.modules()[recipe]).__doc__ or ""
    command = re.sub(r" *\\\n *", " ", text).partition("tfpose train")[2].partition("\n")[0]
    return dict(re.findall(r"--([\w.]+)=(\S+)", command))


def test_every_start_from_a_classifier_is_tried() -> None:
    printed = {name for name in recipes.names() if "start_layers" in flags(name)}
    assert printed - {"tfpose_person"} == set(STARTS)  # that one starts from tfpose_s


@pytest.mark.parametrize("recipe", STARTS)
def test_the_printed_command_starts(recipe: str, tmp_path: Path) -> None:
    make, network, layer = STARTS[recipe]
    given = flags(recipe)
    path = tmp_path / given["start"]
    torch.save(make(), path)
    spec = models.spec(network)
    model = models.build(spec)
    before = np.asarray(model.get_layer(layer).kernel)
    load_weights(
        model,
        spec,
        path,
        layers=tuple(given["start_layers"].split(",")),
        channels=given["start_channels"],
    )
    assert not np.array_equal(model.get_layer(layer).kernel, before)


# Recipes that start from another's run, and what was run before, in order: recipe, run, network.
CHAINS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "fpd": (
        ("hourglass", "runs/hourglass_mobile", "hg_s2_b1_mobile"),
        ("hourglass", "runs/hourglass", "hg_s8_b1"),
    ),
    "lightweight_openpose_step2": (("lightweight_openpose_step1", "runs/step1", ""),),
    "lightweight_openpose_step3": (("lightweight_openpose_step2", "runs/step2", ""),),
}
STEP = ("--steps=1", "--batch=2", "--image_every=0", "--shuffle=4")
SIDE = 64  # pixels
HOURGLASS_SIDE = (
    128  # smaller, its batch norms see one cell of two pictures, and gradients overflow
)


def test_every_start_from_a_run_is_tried() -> None:
    printed = {name for name in recipes.names() if flags(name).get("start", "").startswith("runs/")}
    assert printed == set(CHAINS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Flags of a prepared set: the sample's people, with COCO's keypoints."""
    folder = tmp_path_factory.mktemp("data")
    sample_files.make("people", folder)
    config = custom.Config(
        name="people",
        annotations={"train": folder / "train.json"},
        pictures=(folder / "pictures",),
    )
    prepare(custom.Builder(config=config, data_dir=folder / "DATA"), folder)
    return ("--dataset=custom/people", f"--data_dir={folder / 'DATA'}")


def trained(call: Tfpose, recipe: str, *others: str) -> None:
    side = HOURGLASS_SIDE if recipe in ("fpd", "hourglass") else SIDE
    size = (f"--height={side}", f"--width={side}")
    ended = call("train", f"--recipe={recipe}", *STEP, *size, *others)
    assert ended.returncode == 0, ended.stderr


def printed(recipe: str) -> list[str]:
    given = {
        name: value for name, value in flags(recipe).items() if name not in ("recipe", "data_dir")
    }
    return [f"--{name}={value}" for name, value in given.items()]


@pytest.mark.soak
@pytest.mark.parametrize("recipe", [*STARTS, *CHAINS])
def test_the_printed_command_itself_trains(
    recipe: str,
    data: tuple[str, ...],
    tmp_path: Path,
    tfpose: Tfpose,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    network: tuple[str, ...] = ()
    if recipe in STARTS:
        make, name, _ = STARTS[recipe]
        torch.save(make(), flags(recipe)["start"])
        network = (f"--model={name}",)
    for before, folder, name in CHAINS.get(recipe, ()):
        model = (f"--model={name}",) if name else ()
        trained(tfpose, before, *data, *model, "--start=none", f"--run={folder}")
    trained(tfpose, recipe, *data, *printed(recipe), *network)
    run = Path(flags(recipe)["run"])
    assert (run / "model.keras").is_file()


@pytest.mark.soak
def test_the_teacher_of_eight_hourglasses_and_its_student_go_the_whole_way(
    data: tuple[str, ...], tmp_path: Path, tfpose: Tfpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some steps each, from the teacher to a picture drawn by the student's .tflite."""
    monkeypatch.chdir(tmp_path)
    more = (*data, "--steps=4", "--log_every=1", "--skeleton=coco17")
    trained(tfpose, "hourglass", *more, "--run=teacher")
    trained(tfpose, "fpd", *more, "--run=student", "--teacher.weights=teacher", "--start=none")
    for run in ("teacher", "student"):
        rows = list(csv.DictReader((tmp_path / run / "log.csv").read_text().splitlines()))
        losses = [float(row["loss"]) for row in rows if row["loss"]]
        assert len(losses) == 4
        assert np.isfinite(losses).all()
    folder = Path(data[1].partition("=")[2]).parent
    truth = (f"--annotations={folder}/val.json", f"--images={folder}/pictures")
    ended = tfpose("export", "--model=student/model.keras", "--format=float32", "--out=s.tflite")
    assert ended.returncode == 0, ended.stderr
    for model in ("teacher/model.keras", "s.tflite"):
        ended = tfpose("evaluate", f"--model={model}", *truth, f"--out=of_{Path(model).stem}")
        assert ended.returncode == 0, ended.stderr
        assert "ap50" in ended.stdout
    ended = tfpose("predict", "--model=s.tflite", str(pictures.SAMPLE), "--out=drawn")
    assert ended.returncode == 0, ended.stderr
    assert list((tmp_path / "drawn").iterdir())
