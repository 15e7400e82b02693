"""The TFDS builder of all data sets: writes samples into shards, resumable and atomic.

TFDS writes a set into a folder called incomplete... and renames it at the end, so that a set is
whole or absent. Until then each finished shard is kept in `staging`, too; a run that was killed or
failed is resumed after the last of them.
"""

import abc
import dataclasses
import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from estimator import files
from estimator.skeleton import Skeleton

from .picture_files import BadPicture
from .pose_set import BAD_SHARE, SHOWN, PoseSet

PICTURES_A_SHARD = 256  # tens of megabytes; enough shards to shuffle and to share out


class PoseBuilder(tfds.core.ShardBasedBuilder):  # type: ignore[misc]
    """A data set of `Record`s; a subclass has its skeleton and finds its samples.

    The module's name is the data set's name. Subclasses are not in TFDS' own registry, which has a
    `coco`, too.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.name = cls.__module__.rpartition(".")[2]
        super().__init_subclass__(skip_registration=True, **kwargs)

    @property
    @abc.abstractmethod
    def skeleton(self) -> Skeleton:
        """The skeleton of the labels."""

    @abc.abstractmethod
    def sets(self, source: Path) -> dict[str, PoseSet]:
        """The splits by name.

        Args:
          source: the folder with the downloaded files; unused by a set whose configuration names
            its files.

        Raises:
          FileNotFoundError: a file is missing; says which.
          ValueError: a file is malformed.
        """

    def refuse(self, source: Path) -> FileNotFoundError:
        """The error for a source folder that holds nothing of the set."""
        wanted = inspect.cleandoc(self.MANUAL_DOWNLOAD_INSTRUCTIONS)
        return FileNotFoundError(f"{source} holds nothing of {self.name}. It needs:\n{wanted}")

    def use(self, sets: Mapping[str, PoseSet], staging: Path, mark: str) -> None:
        """Sets the splits to write, the folder for finished shards, and the set's fingerprint."""
        self._sets, self._staging, self._mark = sets, staging, mark

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__ or self.name,
            features=features(len(self.skeleton.keypoints)),
            metadata=tfds.core.MetadataDict(skeleton=dataclasses.asdict(self.skeleton)),
        )

    def _shard_iterators_per_split(self, dl_manager: Any) -> dict[str, list["Shard"]]:
        return {split: self._shards(split, part) for split, part in self._sets.items()}

    def _shards(self, split: str, part: PoseSet) -> list["Shard"]:
        """Distributes a split's samples over shards, in an order independent of theirs."""
        mixed = sorted(part.samples, key=lambda s: hashlib.sha256(s.image_id.encode()).digest())
        count = max(1, round(len(mixed) / PICTURES_A_SHARD))
        template = self._get_filename_template(split_name=split)
        names = [
            template.sharded_filepath(shard_index=index, num_shards=count).name
            for index in range(count)
        ]
        return [
            Shard(part.part(mixed[index::count]), self._staging / name, self._progress)
            for index, name in enumerate(names)
        ]

    def _example_writer(self) -> "StagingWriter":
        return StagingWriter(self.info.file_format, self._staging)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any = None) -> None:
        total = sum(len(part.samples) for part in self._sets.values())
        with tqdm(total=total, unit="picture", desc=f"preparing {self.info.full_name}") as bar:
            self._progress = bar
            super()._download_and_prepare(dl_manager, download_config)
        skipped = skipped_in(self._staging)
        if len(skipped) > BAD_SHARE * total:
            shown = "\n  ".join(reason for _, reason in skipped[:SHOWN])
            raise ValueError(
                f"{len(skipped)} of {total} pictures cannot be used, more than {BAD_SHARE:.0%}:\n"
                f"  {shown}\n  ...\ntfpose dataset-doctor names them all"
            )
        unusable = [line for part in self._sets.values() for line in part.left_out]
        labelled = all(part.labelled for part in self._sets.values())
        self.info.metadata.update(
            skipped=skipped, unusable=unusable, labelled=labelled, fingerprint=self._mark
        )


def features(keypoints: int) -> tfds.features.FeaturesDict:
    """The features of an example, those of `Record`, with that many keypoints."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "image_id": tfds.features.Text(),
            "height": tfds.features.Scalar(np.int32),
            "width": tfds.features.Scalar(np.int32),
            "keypoints": tfds.features.Tensor(shape=(None, keypoints, 3), dtype=np.float32),
            "boxes": tfds.features.Tensor(shape=(None, 4), dtype=np.float32),
            "areas": tfds.features.Tensor(shape=(None,), dtype=np.float32),
            "ignore": tfds.features.Scalar(tf.string),
        }
    )


@dataclass
class Shard:
    """Yields the examples of one shard when called: an `ExampleGeneratorFn` of TFDS.

    Writes the names of skipped pictures beside the staged shard. For a shard that is staged already
    it reads nothing and yields the same number of empty examples, which `StagingWriter` ignores.
    """

    part: PoseSet
    staged: Path
    progress: Any

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        report = self.staged.with_name(self.staged.name + ".json")
        if self.staged.exists():
            self._advance(len(self.part.samples))
            written = json.loads(report.read_text(encoding="utf-8"))["written"]
            yield from (("", {}) for _ in range(written))
            return
        skipped = []
        for sample in self.part.samples:
            try:
                yield sample.image_id, vars(self.part.record(sample))
            except BadPicture as problem:
                skipped.append([sample.picture, str(problem)])
            self._advance(1)
        written = len(self.part.samples) - len(skipped)
        files.write(report, json.dumps({"written": written, "skipped": skipped}))

    def _advance(self, count: int) -> None:
        if self.progress is not None:
            self.progress.update(count)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"progress": None}  # the bar stays in its process


class StagingWriter(tfds.core.writer.ExampleWriter):  # type: ignore[misc]
    """Writes a shard once, whole or not at all, into `staging`, and links it into the set."""

    def __init__(self, file_format: Any, staging: Path) -> None:
        super().__init__(file_format)
        self._staging = staging

    def write(self, path: Any, examples: Iterable[Any]) -> None:
        """Writes the examples, unless the shard is staged already.

        Raises:
          OSError: the disk is full; the shards before are kept.
        """
        staged = self._staging / Path(path).name
        if not staged.exists():
            try:
                with files.Whole(staged, shared=True) as partial:
                    super().write(partial, examples)
            except tf.errors.ResourceExhaustedError as error:
                raise OSError(
                    f"{staged} cannot be written: {error.message}. The shards before it are kept: "
                    "make room, and give the same command again"
                ) from error
        try:
            os.link(staged, path)
        except OSError:  # a file system without hard links
            shutil.copyfile(staged, path)


def skipped_in(staging: Path) -> list[list[str]]:
    """The pictures that the finished shards skipped: name and reason of each."""
    reports = (json.loads(path.read_text(encoding="utf-8")) for path in staging.glob("*.json"))
    pairs = {(name, reason) for report in reports for name, reason in report["skipped"]}
    return [list(pair) for pair in sorted(pairs)]
