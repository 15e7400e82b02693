"""A checkpoint in its original's layout, imported, run on a picture, and equal to the original."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.in_process import Tfpose, tfpose
from tests.tfpose import golden_weights
from tests.tfpose.models.test_topdown_networks import pictures
from tfpose.data import sample_files

from .test_topdown_checkpoints import State, bare, hourglass, humanpose, state

torch = pytest.importorskip("torch")
__all__ = ["tfpose"]

FILES: tuple[tuple[str, Callable[[State], State], str], ...] = (
    ("hrnet_w18_v1", bare, "hrnet_w18_small_v1.pth"),
    ("hrnet_w18_v2", humanpose, "checkpoint.pth"),
    ("lpn_18", humanpose, "model_best.pth"),
    ("lpn_100", humanpose, "lpn_100_256x192.pth"),
    ("pose_resnet_50", bare, "pose_resnet_50_256x192.pth"),
    ("hg_s8_b1", hourglass, "hg_s8_b1.pth.tar"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "wrap", "file"),
    [pytest.param(*row, marks=() if row[0] == "lpn_18" else pytest.mark.soak) for row in FILES],
)
def test_an_imported_file_runs_and_answers_like_the_original(
    name: str, wrap: Callable[[State], State], file: str, tmp_path: Path, tfpose: Tfpose
) -> None:
    torch.save(wrap(state(name)), tmp_path / file)
    image = pictures(name, golden_weights.picture(name))
    out, size = tmp_path / "pose.tflite", image.shape[1:3]
    done = tfpose(
        *("import-weights", f"--model={name}", f"--source={tmp_path / file}", f"--out={out}"),
        *(f"--height={size[0]}", f"--width={size[1]}"),
    )
    assert done.returncode == 0, done.stderr
    expected = golden_weights.answers(name)
    interpreter = Interpreter(str(out))
    interpreter.allocate_tensors()
    heatmaps = interpreter.get_signature_runner()(image=image)["heatmaps"]
    assert expected[f"y{len(expected) - 1}"].error(heatmaps) < 1e-4
    _predict(out, tmp_path, tfpose)


def _predict(model: Path, folder: Path, call: Tfpose) -> None:
    """Looks at the box of the sample photograph's person."""
    (photo,) = sample_files.make("photo", folder)
    box = {"image_id": photo.stem, "category_id": 1, "bbox": [70, 60, 270, 440], "score": 1.0}
    (folder / "boxes.json").write_text(json.dumps([box]))
    found = folder / "poses.json"
    done = call(
        *("predict", f"--model={model}", f"--boxes={folder / 'boxes.json'}", photo),
        *(f"--out={folder / 'drawn'}", f"--json={found}"),
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(found.read_text())
    assert len(row["people"]) == 1
    assert (folder / "drawn").is_dir()
