"""The PyTorch side of online distillation does what the Keras and TensorFlow side does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from estimator import skeletons
from estimator.inputs.mirroring import merge_mirrored, mirrored_fields
from tests.tfpose.import_process import import_weights
from tfpose import models
from tfpose.blocks.layer_names import variable_name
from tfpose.losses import maps as losses
from tfpose.models import lightweight_openpose, residual_paf
from tfpose.training.update import muon

torch = pytest.importorskip("torch")

from tfpose.online import labels, train  # noqa: E402
from tfpose.online import muon as torch_muon  # noqa: E402
from tfpose.online import networks as twins  # noqa: E402
from tfpose.weights import keras_files  # noqa: E402

TEACHER = "human_pose_estimation_0001"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """PyTorch's threads wait for one another where other tests use the cores: ten times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def keras_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    return {
        variable_name(variable): np.asarray(variable)
        for layer in model.layers
        for variable in layer.weights
    }


@pytest.fixture(scope="module")
def student() -> keras.Model:
    """tfpose_s whose statistics, scales and biases are no defaults."""
    keras.utils.set_random_seed(0)
    model = models.build(models.spec("tfpose_s"), flexible=True)
    random = np.random.default_rng(0)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name != "kernel":
                variable.assign(random.uniform(0.5, 1.5, variable.shape))
            elif not np.asarray(variable).any():
                variable.assign(random.normal(0, 0.05, variable.shape))
    return model


@pytest.fixture(scope="module")
def teacher() -> keras.Model:
    keras.utils.set_random_seed(1)
    return models.build(models.spec(TEACHER), flexible=True)


def twin_of(teacher: keras.Model) -> twins.Teacher:
    variant = lightweight_openpose.VARIANTS[TEACHER]
    numbers = {"scale": np.float32(variant.scale), "offset": np.float32(variant.offset)}
    return twins.Teacher(numbers | keras_arrays(teacher))


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, height, width, 3)).astype(np.float32)


def channels_last(maps: torch.Tensor) -> np.ndarray:
    return maps.detach().permute(0, 2, 3, 1).numpy()


def as_torch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(0, 3, 1, 2)


def test_the_student_answers_as_the_keras_network(student: keras.Model) -> None:
    twin = twins.Student(keras_arrays(student))
    image = pictures(2, 64, 96)
    wanted = student(image, training=False)
    with torch.no_grad():
        first, second, fine = twin.eval()(as_torch(image))
    for index, maps in enumerate((first, second)):
        for head, found in zip(("heatmaps", "pafs"), maps, strict=True):
            scale = np.abs(wanted[head][index]).max()
            np.testing.assert_allclose(
                channels_last(found) / scale, wanted[head][index] / scale, atol=2e-5
            )
    for coarse, part in zip(second, fine, strict=True):  # it begins with four cells alike
        np.testing.assert_allclose(part[:, :, 1::2, ::2].numpy(), coarse.numpy(), rtol=1e-5)


def test_what_comes_back_is_what_went_in(student: keras.Model) -> None:
    arrays = keras_arrays(student)
    twin = twins.Student(arrays)
    back = twins.to_numpy(twin.arrays())
    assert back.keys() - arrays.keys() == {
        f"fine.{head}/{part}" for head in ("heatmaps", "pafs") for part in ("kernel", "bias")
    }
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


def test_arrays_of_another_network_are_refused(teacher: keras.Model, student: keras.Model) -> None:
    arrays = keras_arrays(student)
    del arrays["neck/kernel"]
    with pytest.raises(ValueError, match=r"other arrays than tfpose_s has: \['neck/kernel'\]"):
        twins.Student(arrays)
    with pytest.raises(ValueError, match="of no tfpose_s: they lack 'stem/kernel'"):
        twins.Student(keras_arrays(teacher))


def test_the_numbers_are_the_variants(student: keras.Model) -> None:
    numbers, variant = twins.numbers_of(keras_arrays(student)), residual_paf.VARIANTS["tfpose_s"]
    assert asdict(numbers) == asdict(variant)


def test_the_teacher_answers_as_the_keras_network(teacher: keras.Model) -> None:
    image = pictures(2, 64, 96)
    wanted = teacher(image, training=False)
    with torch.no_grad():
        found = twin_of(teacher)(as_torch(image))
    for head, maps in zip(("heatmaps", "pafs"), found, strict=True):
        scale = np.abs(wanted[head][-1]).max()
        np.testing.assert_allclose(channels_last(maps) / scale, wanted[head][-1] / scale, atol=2e-5)


def test_depth_to_space_is_tensorflows() -> None:
    x = pictures(2, 3, 5)[..., :1] + np.arange(12, dtype=np.float32)
    found = twins.depth_to_space(as_torch(x))
    np.testing.assert_array_equal(channels_last(found), tf.nn.depth_to_space(x, 2))


def test_maps_are_mirrored_as_the_estimator_mirrors_them() -> None:
    spec = models.spec(TEACHER)
    random = np.random.default_rng(3)
    one, other = (
        {"heatmaps": random.normal(size=(2, 4, 6, 19)), "pafs": random.normal(size=(2, 4, 6, 38))}
        for _ in range(2)
    )
    wanted = merge_mirrored(one, other, spec)
    stacked = [
        as_torch(np.concatenate([maps["heatmaps"], maps["pafs"]], -1).astype(np.float32))
        for maps in (one, other)
    ]
    found = channels_last((stacked[0] + train.mirror("cpu")(stacked[1])) / 2)
    np.testing.assert_allclose(found[..., :19], wanted["heatmaps"], atol=1e-6)
    np.testing.assert_allclose(found[..., 19:], wanted["pafs"], atol=1e-6)


def test_a_mirrored_canvas_has_mirrored_answers(teacher: keras.Model) -> None:
    twin, turn = twin_of(teacher), train.mirror("cpu")
    image = torch.from_numpy(pictures(1, 64, 64).astype(np.uint8))
    with torch.no_grad():
        one, other = (
            labels.looks(twin, picture, (0.5, 1.0, 1.5), turn, dtype=torch.float32)
            for picture in (image, image.flip(2))
        )
    assert one.shape == (1, 57, 16, 16)
    assert one.abs().max() > 1e-4
    np.testing.assert_allclose(turn(other).numpy(), one.numpy(), atol=1e-5 * float(one.abs().max()))


def test_looks_at_several_sizes_count_alike() -> None:
    def size(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers a constant: the edge of what it is shown."""
        edge = image.shape[-1]
        cells = torch.full((1, 1, edge // 8, edge // 8), float(edge))
        return cells.expand(-1, 19, -1, -1), torch.zeros(1, 38, edge // 8, edge // 8)

    image = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    found = labels.looks(size, image, (0.5, 1.0, 2.0), train.mirror("cpu"), dtype=torch.float32)
    np.testing.assert_allclose(found[:, :19].numpy(), (32 + 64 + 128) / 3, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 3, 40, 24), (3, 3, 2, 64), (1, 1, 24, 96)])
def test_muon_points_where_tensorflows_points(shape: tuple[int, ...]) -> None:
    gradient = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    wanted = muon.direction(tf.constant(gradient)).numpy()
    stacked = torch.from_numpy(gradient).permute(3, 2, 0, 1)[None].repeat(2, 1, 1, 1, 1)
    for found in torch_muon.direction(stacked):
        np.testing.assert_allclose(found.permute(2, 3, 1, 0).numpy(), wanted, atol=1e-5)


def test_each_variable_is_moved_by_the_recipes_rule(student: keras.Model) -> None:
    from tfpose import recipes
    from tfpose.training.update.optimisers import Updater

    recipe = recipes.get("tfpose_s_cached")
    names = ("neck/kernel", "stem/kernel", "side/bias", "neck.norm/gamma", "stage2.pafs/kernel")
    arrays = keras_arrays(student)
    random = np.random.default_rng(5)
    gradients = [
        {name: random.normal(size=arrays[name].shape).astype(np.float32) for name in names}
        for _ in range(3)
    ]
    variables = {name: tf.Variable(arrays[name]) for name in names}
    groups = tuple(recipe.groups)
    updater = Updater(variables, recipe.optimiser, groups)
    twin = twins.Student(arrays)
    parameters = {name: twin.arrays()[name] for name in names}
    other = torch_muon.Updater(parameters)
    for part in gradients:
        updater.apply(
            tf.distribute.get_strategy(), [tf.constant(part[name]) for name in names],
            tf.constant(0.02), tf.constant(True),
        )  # fmt: skip
        for name, value in parameters.items():
            gradient = torch.from_numpy(part[name])
            value.grad = gradient.permute(3, 2, 0, 1) if gradient.ndim == 4 else gradient
        other.step(0.02)
    found = twins.to_numpy(parameters)
    for name in names:
        assert np.abs(found[name] - arrays[name]).max() > 1e-4
        np.testing.assert_allclose(found[name], variables[name].numpy(), atol=2e-5)


def test_the_loss_is_the_recipes(student: keras.Model) -> None:
    random = np.random.default_rng(6)
    image = pictures(2, 64, 64)
    fine = random.uniform(-1, 1, (2, 57, 16, 16)).astype(np.float32)
    coarse = fine.reshape(2, 57, 8, 2, 8, 2).mean((3, 5))
    twin = twins.Student(keras_arrays(student))
    with torch.no_grad():
        terms = train._errors(
            twin.eval(), as_torch(image), torch.from_numpy(fine), torch.from_numpy(coarse)
        )
    outputs = student(image, training=False)
    target = np.transpose(coarse, (0, 2, 3, 1))
    wanted = losses.label_terms(
        outputs,
        {"heatmaps": target[..., :19], "pafs": target[..., 19:]},
        losses.LossOptions(heatmaps=190.0, pafs=38.0, foreground=3.0),
        background=True,
    )
    names = ("heatmaps.1", "pafs.1", "heatmaps.2", "pafs.2")
    means = [float(np.mean(wanted[name])) for name in names]
    np.testing.assert_allclose(terms[:4].numpy(), means, rtol=1e-4)


class Endless:
    """Canvases of noise, as `drawing.Drawers` gives them."""

    def __iter__(self) -> Iterator[np.ndarray]:
        random = np.random.default_rng(7)
        while True:
            yield random.integers(0, 256, (16, 64, 64, 3)).astype(np.uint8)


class Grey(torch.nn.Module):  # type: ignore[misc]
    """A teacher who answers with the brightness of the picture."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        grey = torch.nn.functional.avg_pool2d(image.mean(1, keepdim=True), 8) / 255
        return grey.expand(-1, 19, -1, -1), grey.expand(-1, 38, -1, -1) / 2


@pytest.mark.filterwarnings("ignore:CUDA initialization")  # PyTorch for a GPU, and no GPU
def test_a_run_learns_and_its_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    student = twins.Student(keras_arrays(models.build(models.spec("tfpose_s"), flexible=True)))
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: 0.05 * next(ticks))
    monkeypatch.setattr(train, "time", clock)
    costs: list[float] = []
    written: list[Mapping[str, np.ndarray]] = []

    class Listening(train._Report):
        def add(self, step: int, terms: torch.Tensor, state: str) -> None:
            costs.append(float(terms.sum()))
            super().add(step, terms, state)

    def save(arrays: Mapping[str, np.ndarray]) -> Path:
        np.savez(tmp_path / "student.npz", **arrays)
        written.append(arrays)
        return tmp_path / "student.npz"

    monkeypatch.setattr(train, "_Report", Listening)
    options = train.Options(
        seconds=1.6, rate=0.01, batch=4, edge=32, canvas=64, first=16, capacity=64, scales=(1.0,),
        compiled=False, snapshot=0.6,
    )  # fmt: skip
    train.run(student, Grey(), Endless(), options, save, device="cpu")
    assert 8 < len(costs) < 16
    assert np.mean(costs[-3:]) < 0.8 * costs[0]
    assert len(written) == 3  # two snapshots, and the end
    process = import_weights(
        "tfpose_s", tmp_path / "student.npz", tmp_path / "online.keras", "--ignore=fine"
    )
    assert process.returncode == 0, process.stderr
    found = keras_files.load_keras(tmp_path / "online.keras")
    for name, array in keras_arrays(found).items():
        np.testing.assert_array_equal(array, written[-1][name])


@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_compiling_changes_nothing_of_the_student(student: keras.Model) -> None:
    twin = twins.Student(keras_arrays(student)).train()
    before = twins.to_numpy(twin.arrays())
    options = train.Options(seconds=1, batch=2, edge=32, canvas=64)
    train._warm(train._errors, twin, options, "cpu")
    assert all(one.grad is None for one in twin.parameters())
    for name, array in twins.to_numpy(twin.arrays()).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    report = train._Report("cpu")
    with pytest.raises(ValueError, match="the loss is not finite at step 10: lower the rate"):
        report.add(10, torch.full((6,), torch.nan), "")


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive, found 0"):
        train.Options(seconds=0)
    with pytest.raises(ValueError, match="edge must be a multiple of 32 and canvas"):
        train.Options(seconds=1, edge=352, canvas=320)
    with pytest.raises(ValueError, match="scales must be positive, one at least, found"):
        train.Options(seconds=1, scales=(1.0, 0.0))
    with pytest.raises(ValueError, match="capacity must be at least 16, found 8"):
        train.Options(seconds=1, capacity=8)


def test_the_skeleton_is_the_teachers() -> None:
    spec, skeleton = models.spec(TEACHER), skeletons.get("openpose18")
    assert spec.skeleton == skeleton
    assert (spec.channels["heatmaps"], spec.channels["pafs"]) == (twins.HEATMAPS, twins.PAFS)
    assert len(mirrored_fields(skeleton)[0]) == twins.PAFS
