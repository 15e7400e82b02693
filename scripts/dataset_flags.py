"""The flags that say which data set is meant, before it is prepared."""

from pathlib import Path

from absl import app, flags, logging

from estimator import skeletons
from estimator.skeleton import Skeleton
from tfpose import datasets, skeleton_file
from tfpose.datasets import custom
from tfpose.pose_builder import PoseBuilder

DATASET = flags.DEFINE_enum("dataset", "custom", datasets.names(), "Which data set.")
SOURCE = flags.DEFINE_string(
    "source", None, "Folder with the downloaded files; not for custom. Errors say what it needs."
)
NAME = flags.DEFINE_string("name", None, "custom: the set's name; it is read as custom/NAME.")
ANNOTATIONS = flags.DEFINE_multi_string(
    "annotations",
    [],
    "custom: COCO keypoint file, .json or .json.zip; SPLIT=FILE, or the train's. Without, the "
    "pictures have no labels, and are for --unlabelled of scripts.train.",
)
IMAGES = flags.DEFINE_multi_string("images", [], "custom: a folder or a zip with pictures.")
SKELETON = flags.DEFINE_string(
    "skeleton", None, "custom: a skeleton's name, or a .json; found by the keypoints' names if not."
)


def builder(out: str | None) -> PoseBuilder:
    """The builder that the flags describe, writing to `out`."""
    logging.set_verbosity(logging.ERROR)  # TFDS warns of every configuration it doesn't know
    try:
        return _builder(out)
    finally:
        logging.set_verbosity(logging.WARNING)


def _builder(out: str | None) -> PoseBuilder:
    if DATASET.value != "custom":
        if SOURCE.value is None:
            raise app.UsageError(f"--dataset={DATASET.value} needs --source")
        return datasets.get(DATASET.value)(data_dir=out)
    if not (IMAGES.value and NAME.value):
        raise app.UsageError(
            "--dataset=custom needs --name and --images, and --annotations where there are labels"
        )
    annotations = dict(_split(text) for text in ANNOTATIONS.value)
    config = custom.Config(
        name=NAME.value,
        annotations=annotations,
        pictures=tuple(map(Path, IMAGES.value)),
        skeleton=_skeleton(next(iter(annotations.values()), None)),
    )
    return custom.Builder(data_dir=out, config=config)


def source() -> Path:
    """The folder of the downloaded files; `custom` does not look at it."""
    return Path(SOURCE.value or ".")


def _split(text: str) -> tuple[str, Path]:
    split, equals, path = text.partition("=")
    return (split, Path(path)) if equals else ("train", Path(text))


def _skeleton(annotations: Path | None) -> Skeleton:
    if SKELETON.value is None:
        return custom.skeleton_of(annotations) if annotations else skeletons.get("coco17")
    if SKELETON.value.endswith(".json"):
        return skeleton_file.read(Path(SKELETON.value))
    return skeletons.get(SKELETON.value)
