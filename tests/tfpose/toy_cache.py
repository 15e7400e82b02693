"""A cache small enough for tests: a few pictures, and a teacher of a few thousand weights."""

from pathlib import Path

import cv2
import keras
import numpy as np

from tests.tfpose import small_runs
from tfpose.canvases.options import CanvasOptions
from tfpose.canvases.scenes import Scenes, gather, unlabelled
from tfpose.data.picture_files import Pictures
from tfpose.teacher import fill_cache
from tfpose.teacher.cache import Cache
from tfpose.teacher.fill_cache import CacheOptions
from tfpose.weights import keras_files

HINTS = "initial_stage.trunk"  # 16 channels enter it
CANVAS = CanvasOptions(height=96, width=128)


def write_teacher(path: Path, *, skeleton: str = "openpose18") -> Path:
    """A network of `small_runs`, with maps large enough to learn; its family must be added."""
    spec = small_runs.spec("test_plain", skeleton=skeleton)
    keras.utils.set_random_seed(3)
    model = small_runs.build(spec, 64, 64)
    keras_files.save_keras(model, spec, path)
    return path


def write_pictures(folder: Path, count: int = 5) -> Scenes:
    """Pictures of large patches, without labels."""
    folder.mkdir()
    random = np.random.default_rng(2)
    for number in range(count):
        patches = random.integers(0, 256, (6, 8, 3), np.uint8)
        picture = cv2.resize(patches, (160, 120), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    files = Pictures([folder])
    return gather(unlabelled(files), files=files)


def options(teacher: Path, canvases: int, hints: str = HINTS) -> CacheOptions:
    return CacheOptions(canvases=canvases, canvas=CANVAS, teacher=str(teacher), hints=hints)


def make(folder: Path, *, canvases: int = 12, hints: str = HINTS) -> Cache:
    """A cache in `folder`/cache."""
    teacher, scenes = write_teacher(folder / "teacher.keras"), write_pictures(folder / "pictures")
    return fill_cache.fill(options(teacher, canvases, hints), scenes, folder / "cache")
