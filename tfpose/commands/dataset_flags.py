"""The flags that say which data set is meant, before it is prepared."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags, logging

from tfpose.commands import arguments
from tfpose.commands.label_flags import LabelFlags

if TYPE_CHECKING:
    from estimator.skeleton import Skeleton
    from tfpose.data.pose_builder import PoseBuilder


class DatasetFlags:
    """Defines the flags among those of a command, and reads them.

    Args:
      values: the command's flags.
    """

    def __init__(self, values: flags.FlagValues) -> None:
        self._dataset = flags.DEFINE_enum(
            "dataset",
            "custom",
            arguments.modules("datasets"),
            "Which data set.",
            flag_values=values,
        )
        self._source = flags.DEFINE_string(
            "source",
            None,
            "Folder with the downloaded files; not for custom. Errors say what it needs.",
            flag_values=values,
        )
        self._name = flags.DEFINE_string(
            "name", None, "custom: the set's name; it is read as custom/NAME.", flag_values=values
        )
        self._annotations = flags.DEFINE_multi_string(
            "annotations",
            [],
            "custom: COCO keypoint file, .json or .json.zip, or another tool's (--format); "
            "SPLIT=FILE, or the train's. Without, "
            "the pictures have no labels, and are for --unlabelled of `tfpose train`.",
            flag_values=values,
        )
        self._images = flags.DEFINE_multi_string(
            "images", [], "custom: a folder or a zip with pictures.", flag_values=values
        )
        self._skeleton = flags.DEFINE_string(
            "skeleton",
            None,
            "custom: a skeleton's name, or a .json; found by the keypoints' names if not.",
            flag_values=values,
        )
        self._labels = LabelFlags(values)
        arguments.existing(self._source, self._images)
        arguments.existing(self._annotations, after="=")
        arguments.skeleton(self._skeleton)

    @property
    def source(self) -> Path:
        """The folder of the downloaded files; `custom` does not look at it."""
        return Path(self._source.value or ".")

    def builder(self, out: str | None) -> "PoseBuilder":
        """The builder that the flags describe, writing to `out`.

        Raises:
          app.UsageError: flags are missing.
          ValueError, OSError: the annotations can't be read, or their skeleton can't be known.
        """
        self._check()
        before = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of every configuration it doesn't know
        try:
            return self._builder(out)
        finally:
            logging.set_verbosity(before)

    def _check(self) -> None:
        if self._dataset.value != "custom":
            if self._source.value is None:
                raise app.UsageError(f"--dataset={self._dataset.value} needs --source")
        elif not (self._images.value and self._name.value):
            raise app.UsageError(
                "--dataset=custom needs --name and --images, and --annotations where there are "
                "labels"
            )

    def _builder(self, out: str | None) -> "PoseBuilder":
        from tfpose import datasets
        from tfpose.datasets import custom

        if self._dataset.value != "custom":
            return datasets.get(self._dataset.value)(data_dir=out)
        annotations = dict(_split(text) for text in self._annotations.value)
        config = custom.Config(
            name=self._name.value,
            annotations=annotations,
            pictures=tuple(map(Path, self._images.value)),
            skeleton=self._skeleton_of(*next(iter(annotations.items()), ("", None))),
            choice=self._labels.choice,
        )
        return custom.Builder(data_dir=out, config=config)

    def _skeleton_of(self, split: str, annotations: Path | None) -> "Skeleton":
        from estimator import skeletons
        from tfpose.datasets import custom

        given = arguments.skeleton_of(self._skeleton.value)
        if given is not None:
            return given
        if annotations is None:
            return skeletons.get("coco17")
        choice = dataclasses.replace(self._labels.choice, split=split)
        return custom.skeleton_of(annotations, choice)


def _split(text: str) -> tuple[str, Path]:
    split, equals, path = text.partition("=")
    return (split, Path(path)) if equals else ("train", Path(text))
