from pathlib import Path

import numpy as np
import pytest

from estimator import bundle
from tests.tfpose import golden_weights
from tests.tfpose.import_process import import_weights
from tfpose import models
from tfpose.weights import foreign

torch = pytest.importorskip("torch")
NAME = "lightweight_openpose"


def state() -> dict[str, object]:
    arrays = golden_weights.weights("lightweight_openpose_1stage")
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def answer(model: object) -> np.ndarray:
    x = golden_weights.picture("lightweight_openpose_1stage")
    return np.asarray(model((x[..., ::-1] + 0.5) * 256)["pafs"][-1])  # type: ignore[operator]


@pytest.mark.parametrize("wrapping", ["bare", "checkpoint", "parallel"])
def test_pth_loads_as_the_original_saves_it(tmp_path: Path, wrapping: str) -> None:
    tree: dict[str, object] = state()
    if wrapping == "parallel":
        tree = {f"module.{name}": tensor for name, tensor in tree.items()}
    if wrapping != "bare":
        tree = {"state_dict": tree, "iter": 370000, "score": np.float64(0.4), "optimizer": {}}
    path = tmp_path / "checkpoint_iter_370000.pth"
    torch.save(tree, path)
    spec = models.spec(NAME, height=64, width=96)
    model = models.build(spec)
    assert foreign.load(model, spec, path) == ()
    expected = golden_weights.answers("lightweight_openpose_1stage")["y3"]
    assert expected.error(answer(model)) < 1e-4


def test_imagenet_backbone_loads_when_asked_for_and_the_rest_stays(
    tmp_path: Path,
) -> None:
    """marvis' mobilenet_sgd_68.848.pth.tar: `module.model.N`, two blocks more and a classifier."""
    backbone = {
        f"module.{name}": tensor for name, tensor in state().items() if name.startswith("model.")
    }
    backbone["module.model.12.0.weight"] = torch.zeros(512, 1, 3, 3)
    backbone["module.fc.weight"] = torch.zeros(1000, 1024)
    path = tmp_path / "mobilenet_sgd_68.848.pth.tar"
    torch.save({"state_dict": backbone, "epoch": 88, "best_prec1": 68.848}, path)
    spec = models.spec(NAME, height=64, width=64)
    model = models.build(spec)
    head = np.asarray(model.get_layer("cpm-align-0").kernel)
    with pytest.raises(ValueError, match=r"missing from the file"):
        foreign.load(model, spec, path)
    with pytest.raises(ValueError, match="reads 'rgb' or 'bgr'"):
        foreign.load(model, spec, path, only=["model"])
    with pytest.raises(ValueError, match=r"left over in the file \(2\)"):
        foreign.load(model, spec, path, only=["model"], channels="rgb")
    untouched = foreign.load(model, spec, path, backbone=True, channels="rgb")
    assert "cpm.align.0" in untouched
    assert "model.0.0" not in untouched
    first = state()["model.0.0.weight"].numpy().transpose(2, 3, 1, 0)  # type: ignore[attr-defined]
    assert np.array_equal(np.asarray(model.get_layer("model-0-0").kernel), first)
    assert np.array_equal(np.asarray(model.get_layer("cpm-align-0").kernel), head)


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code of the file ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: download it again"),
        (b"a web page, not weights", "cannot be read as a PyTorch file"),
        (Malicious(), "cannot be read as a PyTorch file"),
        ({"epoch": 3}, r"holds no state_dict of tensors; its keys are \['epoch'\]"),
        ([1, 2], "holds no state_dict"),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, content: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    spec = models.spec(NAME, height=64, width=64)
    with pytest.raises(ValueError, match=message):
        foreign.load(models.build(spec), spec, path)
    assert "ran" not in capsys.readouterr().out


def test_unknown_formats_and_missing_files_are_refused(tmp_path: Path) -> None:
    spec = models.spec(NAME, height=64, width=64)
    model = models.build(spec)
    with pytest.raises(ValueError, match=r"weights.caffemodel: there are readers of \.ckpt"):
        foreign.load(model, spec, "weights.caffemodel")
    with pytest.raises(FileNotFoundError, match="no weights at"):
        foreign.load(model, spec, tmp_path / "none.pth.tar")
    torch.save({"a": torch.zeros(1)}, tmp_path / "some.pth")
    with pytest.raises(ValueError, match="must be 'rgb' or 'bgr', found 'grey'"):
        foreign.load(model, spec, tmp_path / "some.pth", channels="grey")


def test_a_new_user_makes_a_model_with_one_command(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "0001.tflite"
    source = shared / "weights/human_pose_estimation_0001.npz"
    done = import_weights("human_pose_estimation_0001", source, out, "--height=64", "--width=96")
    assert done.returncode == 0, done.stderr
    spec = bundle.read(out)
    assert (spec.model, spec.image.height) == ("human_pose_estimation_0001", 64)


def test_the_command_says_what_is_wrong_without_a_traceback(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "wrong.tflite"
    done = import_weights(NAME, shared / "weights/human_pose_estimation_0001.npz", out)
    assert done.returncode == 1
    assert "missing from the file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
