"""The one reader of prepared data sets: as tf.data, as encoded pictures, and as places in files.

A prepared set is a folder of TFRecords that TensorFlow Datasets wrote (`tfpose.data.prepare`).
TFDS's random access needs ArrayRecord files, which sets prepared before are not, so `stored` notes
in one pass where every picture's bytes lie: from then on a picture is one read of a known place,
without TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from estimator import skeleton_file
from estimator.arrays import Float
from estimator.skeleton import Skeleton

from . import tfrecord

INFO = "dataset_info.json"  # TensorFlow Datasets writes it into a prepared set's folder


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """A picture of a prepared set, where its bytes lie.

    Attributes:
      image_id: unique in its set.
      path, start, length: file, first byte and number of bytes of the encoded picture.
      keypoints: (P, K, 3) as in `Record`; None in a set that was prepared without labels.
      boxes: (P, 4) likewise.
    """

    image_id: str
    path: Path
    start: int
    length: int
    keypoints: Float | None
    boxes: Float | None


def folder_of(name: str, data_dir: Path | str) -> Path:
    """The folder with the newest version of a prepared set.

    Raises:
      FileNotFoundError: it was not prepared there; says what was.
    """
    root = Path(data_dir)
    found = [path.parent for path in (root / name).glob(f"*/{INFO}")]
    versions = [path for path in found if not path.name.startswith(("incomplete.", "."))]
    if not versions:
        finished = (path.relative_to(root).parts for path in root.glob(f"*/**/{INFO}"))
        there = sorted(
            "/".join(parts[:-2])  # without version and file
            for parts in finished
            if not any(part.startswith((".", "incomplete.")) for part in parts)
        )
        kind, _, own = name.partition("/")
        wanted = f"--name={own} --images=... --annotations=..." if own else f"--dataset={kind}"
        raise FileNotFoundError(
            f"no prepared data set {name!r} in {root}; there are {there}. Prepare it with "
            f"tfpose prepare-dataset {wanted} --out={root}"
        )
    return max(versions, key=lambda path: tfds.core.Version(path.name))


def load(
    name: str,
    data_dir: Path | str,
    split: str,
    *,
    labelled: bool = True,
    shuffle_seed: int | None = None,
    input_context: tf.distribute.InputContext | None = None,
) -> tuple[tf.data.Dataset, Skeleton]:
    """Reads a prepared data set, shard by shard; pictures stay encoded.

    Args:
      name: of the set below `data_dir`: "coco", or "custom/NAME" for one of your own.
      data_dir: the folder that was --out when it was prepared.
      split: such as "train"; TFDS' slices, "train[:10%]", work too.
      labelled: False accepts a set that was prepared without labels, too.
      shuffle_seed: reads the shards in another order, the same for the same seed; None keeps
        the written order, which is mixed already.
      input_context: reads only this worker's share of the shards.

    Returns:
      Dicts of `image` (encoded bytes), `image_id`, `height`, `width`, `keypoints` (P, K, 3),
      `boxes` (P, 4), `areas` (P,) and `ignore` (PNG or empty), as in `tfpose.data.records.Record`;
      and the skeleton of the keypoints.

    Raises:
      FileNotFoundError: no such set was prepared there; says which were.
      ValueError: it has no such split, or no labels.
    """
    builder = _open(name, data_dir, split.partition("[")[0])
    if labelled and not _has_labels(builder):
        raise ValueError(
            f"{name} was prepared without labels: it can be --unlabelled beside another --dataset, "
            "or be read by tfpose cache-teacher"
        )
    reading = tfds.ReadConfig(
        shuffle_seed=shuffle_seed,
        shuffle_reshuffle_each_iteration=False,
        try_autocache=False,
        skip_prefetch=True,
        input_context=input_context,
    )
    return _records(builder, split, shuffle_seed is not None, reading), _skeleton(builder)


def encoded_pictures(folder: Path, *, seed: int) -> Iterator[bytes]:
    """The encoded pictures of a prepared set's first split, its shards in an order by seed.

    Args:
      folder: the set's own, with `INFO` in it.
      seed: of the order.
    """
    builder = tfds.builder_from_directory(folder)
    reading = tfds.ReadConfig(shuffle_seed=seed, try_autocache=False)
    for record in _records(builder, next(iter(builder.info.splits)), True, reading):
        yield record["image"].numpy()


def stored(name: str, data_dir: Path | str, split: str) -> tuple[list[Stored], Skeleton]:
    """Notes where the pictures of a prepared set lie, and reads their labels.

    Args:
      name, data_dir: as for `load`.
      split: a whole one, such as "train".

    Returns:
      The pictures in the order of the shards, and the skeleton of their keypoints.

    Raises:
      FileNotFoundError: no such set was prepared there.
      ValueError: it has no such split, or a shard is damaged.
    """
    builder = _open(name, data_dir, split)
    skeleton = _skeleton(builder)
    count = len(skeleton.keypoints) if _has_labels(builder) else None
    found = [
        _place(example, path, start, count)
        for path in map(Path, builder.info.splits[split].filepaths)
        for start, example in _examples(path)
    ]
    return found, skeleton


def _open(name: str, data_dir: Path | str, split: str) -> Any:
    builder = tfds.builder_from_directory(folder_of(name, data_dir))
    if split not in builder.info.splits:
        raise ValueError(f"{name} has no split {split!r}, only {', '.join(builder.info.splits)}")
    return builder


def _records(builder: Any, split: str, shuffle: bool, reading: Any) -> tf.data.Dataset:
    return builder.as_dataset(
        split=split,
        shuffle_files=shuffle,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=reading,
    )


def _skeleton(builder: Any) -> Skeleton:
    return skeleton_file.from_tree(builder.info.metadata["skeleton"])


def _has_labels(builder: Any) -> bool:
    return bool(builder.info.metadata.get("labelled", True))


def _place(example: bytes, path: Path, start: int, count: int | None) -> Stored:
    """Where an example's picture lies, and the labels of `count` keypoints per person."""
    features = tf.train.Example.FromString(example).features.feature
    image = features["image"].bytes_list.value[0]
    keypoints = boxes = None
    if count is not None:
        keypoints = np.array(features["keypoints"].float_list.value, np.float32)
        keypoints = keypoints.reshape(-1, count, 3)
        boxes = np.array(features["boxes"].float_list.value, np.float32).reshape(-1, 4)
    return Stored(
        image_id=features["image_id"].bytes_list.value[0].decode(),
        path=path,
        start=start + example.index(image),
        length=len(image),
        keypoints=keypoints,
        boxes=boxes,
    )


def _examples(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each example of a TFRecord begins, and its bytes."""
    with path.open("rb") as file:
        try:
            for start, length in tfrecord.places(file, path.stat().st_size):
                file.seek(start)
                yield start, file.read(length)
        except ValueError as error:
            raise ValueError(f"{path} is cut off: prepare the data set anew ({error})") from error
