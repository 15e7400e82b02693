"""The benchmarks of training: its memory, its pipeline and its step beside the original's."""

import dataclasses
import functools
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tfpose.benchmarks import original_step
from tfpose.benchmarks.training import input_pipeline, original_pipeline, training_step

from .conftest import Tfpose

NETWORK = """
from torch import nn

class PoseEstimationWithMobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([nn.Conv2d(3, count, 1, stride=8) for count in (19, 38) * 2])

    def forward(self, x):
        return [stage(x) for stage in self.stages]
"""
LOSS = """
def l2_loss(input, target, mask, batch_size):
    return (((input - target) * mask) ** 2).sum() / 2 / batch_size
"""


@pytest.mark.parametrize(
    ("benchmark", "missing"),
    [("original_pipeline", "scripts/prepare"), ("training_step", "models/with_mobilenet.py")],
)
def test_another_folder_than_the_original_s_is_refused(
    benchmark: str, missing: str, tmp_path: Path, tfpose: Tfpose
) -> None:
    ended = tfpose("benchmark", benchmark, f"--original={tmp_path}")
    assert ended.returncode == 2
    assert f"is no checkout of Lightweight OpenPose: no {missing}" in ended.stderr


def test_the_original_is_told_of_the_same_people_and_region() -> None:
    made = input_pipeline.make(3)
    tree = original_pipeline._labels(made)
    assert [image["file_name"] for image in tree["images"]] == [f"{one}.jpg" for one in range(8)]
    people = [one for one in tree["annotations"] if not one["iscrowd"]]
    crowds = [one for one in tree["annotations"] if one["iscrowd"]]
    assert (len(people), len(crowds)) == (24, 8)
    nose = input_pipeline.SPEC.skeleton.keypoints.index("nose")
    np.testing.assert_allclose(people[4]["keypoints"][:2], made[1].keypoints[1, nose, :2])
    assert people[4]["image_id"] == 1
    height, width = input_pipeline.HEIGHT, input_pipeline.WIDTH
    region = coco_mask.decode(coco_mask.frPyObjects(crowds[0]["segmentation"], height, width))
    rows, columns = input_pipeline.IGNORED
    assert region[:rows, :columns].all()
    assert region.sum() == rows * columns


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A small network where the original has its own."""
    for folder, name, text in (
        ("models", "with_mobilenet", NETWORK),
        ("modules", "loss", LOSS),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.py").write_text(text)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("models", "modules")]:
        del sys.modules[name]


def test_a_step_needs_a_size_that_the_stride_divides(checkout: Path, tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "training_step", f"--original={checkout}", "--size=100")
    assert ended.returncode == 2
    assert "--size must be a multiple of 8, found 100" in ended.stderr


def test_steps_of_a_checkout_in_every_layout_learn_from_the_same_weights(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("sys.path", [*sys.path])
    before = torch.get_num_threads()
    batch, weights = checkout / "batch.npz", checkout / "weights.pth"
    arrays = training_step.make(2, 32)
    np.savez(batch, **arrays)  # type: ignore[arg-type]
    steps = original_step.sides(checkout, batch, weights, threads=1, bfloat16=True)
    torch.set_num_threads(before)
    assert tuple(steps) == tuple(original_step.SIDES)
    losses = {name: [step() for _ in range(3)] for name, step in steps.items()}
    state = torch.load(weights)
    image = (arrays["image"][:, ::8, ::8, ::-1] - 128.0) / 256
    expected = 0.0
    for index, head in enumerate(("heatmaps", "pafs") * 2):
        kernel = state[f"stages.{index}.weight"].numpy()[:, :, 0, 0]
        maps = image @ kernel.T + state[f"stages.{index}.bias"].numpy()
        expected += (((maps - arrays[head]) * arrays["mask"][..., None]) ** 2).sum() / 2 / 2
    for name, (first, *_, last) in losses.items():
        assert first == pytest.approx(expected, rel=0.01 if "bfloat16" in name else 1e-4)
        assert last < first


@pytest.mark.slow
def test_our_step_learns_in_both_precisions(tmp_path: Path) -> None:
    batch = tmp_path / "batch.npz"
    np.savez(batch, **training_step.make(1, 64))  # type: ignore[arg-type]
    recipe = dataclasses.replace(training_step.recipe_of(1, 64, 64), start="none")
    steps = training_step.our_steps(recipe, dict(np.load(batch)), tmp_path, bfloat16=True)
    assert tuple(steps) == ("tfpose, float32", "tfpose, mixed_bfloat16")
    for step in steps.values():
        losses = [step() for _ in range(3)]
        assert losses[2] < losses[0]


@pytest.mark.slow
def test_a_process_of_its_own_serves_the_steps_of_a_checkout(checkout: Path) -> None:
    pytest.importorskip("torch")
    batch, weights = checkout / "batch.npz", checkout / "weights.pth"
    np.savez(batch, **training_step.make(1, 16))  # type: ignore[arg-type]
    settings = {"threads": 1, "bfloat16": False}
    with training_step._process(
        original_step.sides, (checkout, batch, weights), settings
    ) as process:
        times = training_step.take_turns((process,), turns=1)
    assert tuple(times) == ("eager", "channels_last")
    for one in times.values():
        assert one.losses[-1] < one.losses[0]
        assert one.clock[0] > 0


def test_steps_take_turns_and_the_first_ones_do_not_count() -> None:
    done: list[str] = []

    def steps(*names: str) -> dict[str, Callable[[], float]]:
        def step(name: str) -> float:
            done.append(name)
            return float(len(done))

        return {name: functools.partial(step, name) for name in names}

    ends = []
    for names in (("eager", "channels_last"), ("tfpose, float32",)):
        here, there = multiprocessing.Pipe()
        threading.Thread(
            target=training_step._serve, args=(there, steps, names, {}), daemon=True
        ).start()
        ends.append(here)
    times = training_step.take_turns(tuple(ends), turns=2)
    for end in ends:
        end.close()
    assert done == ["eager", "channels_last", "tfpose, float32"] * (training_step.UNCOUNTED + 2)
    assert {name: one.losses[0] for name, one in times.items()} == {
        "eager": 1,
        "channels_last": 2,
        "tfpose, float32": 3,
    }
    assert all(len(one.clock) == len(one.processor) == 2 for one in times.values())


def test_what_a_process_raises_is_raised_here() -> None:
    def broken() -> None:
        raise ValueError("no such network")

    here, there = multiprocessing.Pipe()
    training_step._serve(there, broken, (), {})
    with pytest.raises(ValueError, match="no such network"):
        training_step.take_turns((here,), turns=1)


def test_the_rows_give_medians_and_pytorch_s_time_over_each() -> None:
    def times(clock: float, processor: float, loss: float) -> training_step.Times:
        return training_step.Times(
            clock=[clock, 9.0, clock / 2], processor=[processor] * 3, losses=[loss, 1.0]
        )

    rows = training_step.rows(
        {
            "eager": times(3.0, 6.0, 20.0),
            "channels_last": times(2.0, 4.0, 20.0),
            "tfpose, float32": times(1.5, 2.5, 20.0),
        }
    )
    assert rows[2] == ("tfpose, float32", "1500", "2500", "2.00 / 2.40", "1.33 / 1.60", "20.0")


@pytest.mark.slow
def test_memory_prints_a_row_a_recipe_and_ends_runs_at_the_limit(tfpose: Tfpose) -> None:
    more = ("--recipes=finetune", "--batch=1", "--steps=1")
    ended = tfpose("benchmark", "memory", *more)
    name, network, size, batch, gib, steps = ended.stdout.splitlines()[1].split()
    assert (name, network, size, batch, steps) == ("finetune", "tfpose_s", "224x224", "1", "1")
    assert 0.3 < float(gib) < 8
    ended = tfpose("benchmark", "memory", *more, "--limit=0.2")
    assert "more than 0.2" in ended.stdout
