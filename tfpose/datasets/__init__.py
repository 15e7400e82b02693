"""Data sets, one file each: the module's name is the data set's name.

A data set's module has `Builder`, a `tfpose.pose_builder.PoseBuilder`. Once prepared
(`tfpose.prepare`), it is read with `load`.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tensorflow_datasets as tfds

from estimator.skeleton import Skeleton

from .. import skeleton_file

if TYPE_CHECKING:
    from ..pose_builder import PoseBuilder


def names() -> tuple[str, ...]:
    """The data sets' names, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> "type[PoseBuilder]":
    """The builder's class.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"no data set {name!r}; there are {', '.join(names())}")
    builder: type[PoseBuilder] = importlib.import_module(f"{__name__}.{name}").Builder
    return builder


def load(
    name: str,
    data_dir: Path | str,
    split: str,
    *,
    labelled: bool = True,
    shuffle_seed: int | None = None,
    input_context: tf.distribute.InputContext | None = None,
) -> tuple[tf.data.Dataset, Skeleton]:
    """Reads a prepared data set, shard by shard, nothing decoded.

    Args:
      name: of the set below `data_dir`: "coco", or "custom/NAME" for one of one's own.
      data_dir: the folder that was --out when it was prepared.
      split: such as "train"; TFDS' slices, "train[:10%]", work too.
      labelled: False takes a set that was prepared without labels, too.
      shuffle_seed: reads the shards in another order, the same for the same seed; None keeps
        the written order, which is mixed already.
      input_context: reads only this worker's share of the shards.

    Returns:
      Dicts of `image` (encoded bytes), `image_id`, `height`, `width`, `keypoints` (P, K, 3),
      `boxes` (P, 4), `areas` (P,) and `ignore` (PNG or empty), as in `tfpose.records.Record`;
      and the skeleton of the keypoints.

    Raises:
      FileNotFoundError: no such set was prepared there; says which were.
      ValueError: it has no such split, or no labels.
    """
    builder = tfds.builder_from_directory(folder_of(name, data_dir))
    if split.partition("[")[0] not in builder.info.splits:
        raise ValueError(f"{name} has no split {split!r}, only {', '.join(builder.info.splits)}")
    if labelled and not builder.info.metadata.get("labelled", True):
        raise ValueError(
            f"{name} was prepared without labels: it can be --unlabelled beside another --dataset, "
            "or be read by scripts.cache_teacher"
        )
    config: Any = tfds.ReadConfig(
        shuffle_seed=shuffle_seed,
        shuffle_reshuffle_each_iteration=False,
        try_autocache=False,
        skip_prefetch=True,
        input_context=input_context,
    )
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=shuffle_seed is not None,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=config,
    )
    return dataset, skeleton_file.from_tree(builder.info.metadata["skeleton"])


def folder_of(name: str, data_dir: Path | str) -> Path:
    """The folder with the newest version of a prepared set.

    Raises:
      FileNotFoundError: it was not prepared there; says what was.
    """
    root = Path(data_dir)
    found = [path.parent for path in (root / name).glob("*/dataset_info.json")]
    versions = [path for path in found if not path.name.startswith(("incomplete.", "."))]
    if not versions:
        finished = (path.relative_to(root).parts for path in root.glob("*/**/dataset_info.json"))
        there = sorted(
            "/".join(parts[:-2])  # without version and file
            for parts in finished
            if not any(part.startswith((".", "incomplete.")) for part in parts)
        )
        raise FileNotFoundError(
            f"no prepared data set {name!r} in {root}; there are {there}. Prepare it with "
            f"python -m scripts.prepare_dataset --dataset={name.partition('/')[0]} --out={root}"
        )
    return max(versions, key=lambda path: tfds.core.Version(path.name))
