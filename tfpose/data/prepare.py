"""Prepares a data set: from downloaded or labelled files to shards on disk, once."""

import contextlib
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow_datasets as tfds
from absl import logging

from estimator.skeleton import Skeleton

from .annotations import Annotations
from .beam_runner import BeamOptions, watched
from .pose_builder import PoseBuilder
from .pose_set import PoseSet, check, fingerprint
from .resuming import alone


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A set as it is on disk after `prepare`.

    Attributes:
      folder: the set's; `tfpose.datasets.load` reads it.
      pictures: their number, by split.
      people: number of people with keypoints, by split, of the pictures that were not skipped.
      skipped: name and reason of each skipped picture.
      unusable: skipped labels, one line each.
      fresh: False where the same set was there already.
      read: the annotations of each split that were read, with their skeleton.
    """

    folder: Path
    pictures: dict[str, int]
    people: dict[str, int]
    skipped: Sequence[Sequence[str]]
    unusable: Sequence[str]
    fresh: bool
    read: Sequence[tuple[Annotations, Skeleton]] = ()


def prepare(
    builder: PoseBuilder,
    source: Path,
    *,
    beam: BeamOptions | None = None,
) -> Prepared:
    """Writes the set's shards, once.

    A run that was killed or failed is resumed after its last finished shard. Nothing is readable
    before all of it is written. Damaged pictures are named, counted and skipped.

    Args:
      builder: of one of `tfpose.datasets`, with the folder to write to.
      source: the folder with the downloaded files; `custom` takes its files from its configuration.
      beam: Apache Beam's runner; its workers must all see the pictures and the folder. None works
        in this process.

    Raises:
      ChildProcessError: a worker of Beam died.
      FileNotFoundError: annotations, or too many pictures, are missing.
      ValueError: annotations are malformed, too many pictures are damaged, or the folder holds
        another set.
      BlockingIOError: another process is preparing the same set.
      OSError: the disk is full; what is written is kept for the next attempt.
    """
    sets = builder.sets(source)
    for split, part in sets.items():
        check(split, part)
    folder = Path(builder.data_dir)
    mark = fingerprint(builder.skeleton, sets)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.with_name(f".{folder.name}.lock"), f"preparing {folder}"):
        fresh = not _stands(folder, mark)
        if fresh:
            staging = folder.with_name(f".{folder.name}.{mark[:16]}")
            staging.mkdir(exist_ok=True)
            builder.use(sets, staging, mark)
            with contextlib.redirect_stdout(
                io.StringIO()
            ):  # TFDS prints that 0 bytes are downloaded
                _write(builder, staging, source, beam)
        _remove_leftovers(folder)
    read = [(part.annotations, builder.skeleton) for part in sets.values() if part.annotations]
    return replace(_summary(folder, sets, fresh), read=read)


def _write(builder: PoseBuilder, staging: Path, source: Path, beam: BeamOptions | None) -> None:
    config = tfds.download.DownloadConfig(manual_dir=source, try_download_gcs=False)
    if beam is None:
        builder.download_and_prepare(download_dir=staging, download_config=config)  # stays empty
        return
    config = config.replace(beam_runner=beam.engine, beam_options=beam.pipeline_options)
    watched(lambda: builder.download_and_prepare(download_dir=staging, download_config=config))


def _stands(folder: Path, mark: str) -> bool:
    if not folder.exists():
        return False
    metadata = folder / "metadata.json"
    found = json.loads(metadata.read_text(encoding="utf-8")) if metadata.is_file() else {}
    if found.get("fingerprint") != mark:
        raise ValueError(
            f"{folder} holds a set made from other annotations, pictures or skeleton: delete it, "
            "or give another --out or --name"
        )
    logging.info("%s is there already", folder)
    return True


def _remove_leftovers(folder: Path) -> None:
    """Removes the staged shards of all runs, and TFDS's leftovers of killed ones."""
    for pattern in (f".{folder.name}.*", f"incomplete.*_{folder.name}"):
        for path in folder.parent.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)


def _summary(folder: Path, sets: dict[str, PoseSet], fresh: bool) -> Prepared:
    info = tfds.builder_from_directory(folder).info
    skipped = {name for name, _ in info.metadata["skipped"]}
    return Prepared(
        folder=folder,
        pictures={split: info.splits[split].num_examples for split in sets},
        people={
            split: sum(
                len(sample.keypoints) for sample in part.samples if sample.picture not in skipped
            )
            for split, part in sets.items()
        },
        skipped=info.metadata["skipped"],
        unusable=info.metadata["unusable"],
        fresh=fresh,
    )
