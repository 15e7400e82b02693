"""People with the maps of their crops, in shards: what `tfpose cache-people` keeps.

Pictures stay where they are; a shard names them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from estimator import files
from estimator.arrays import Float, UInt8


@dataclass(frozen=True, kw_only=True)
class Person:
    """An annotated person.

    Attributes:
      file: name of the picture.
      keypoints: (K, 3) x, y, and whether labelled.
      human: a person labelled them, not a network.
    """

    file: str
    keypoints: Float
    human: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Shard:
    """Cached people.

    Attributes:
      people: N of them.
      maps: (N, h, w, K) uint8, 255 for 1.
      matrices: (N, 2, 3), from pixels of the picture to the teacher's cells.
    """

    people: tuple[Person, ...]
    maps: UInt8
    matrices: Float


def write_shard(shard: Shard, path: Path) -> None:
    """Writes a shard, whole or not at all, also while another process writes the same one."""
    with files.Whole(path, shared=True) as partial:
        np.savez_compressed(
            partial,
            maps=shard.maps,
            matrices=shard.matrices,
            keypoints=np.array([person.keypoints for person in shard.people], np.float32),
            human=np.array([person.human for person in shard.people], np.bool_),
            name=np.array([person.file for person in shard.people], np.str_),
        )


def read_shard(path: Path) -> Shard:
    """Reads what `write_shard` wrote."""
    with np.load(path) as arrays:
        people = tuple(
            Person(file=str(file), keypoints=keypoints, human=bool(human))
            for file, keypoints, human in zip(
                arrays["name"], arrays["keypoints"], arrays["human"], strict=True
            )
        )
        return Shard(people=people, maps=arrays["maps"], matrices=arrays["matrices"])


def count(folder: Path) -> int:
    """The number of shards that a cache has so far."""
    return len(_shards(folder))


def read(folder: Path) -> Shard:
    """Reads all shards of a cache, complete or not.

    Raises:
      FileNotFoundError: there is none.
    """
    shards = [read_shard(path) for path in _shards(folder)]
    if not shards:
        raise FileNotFoundError(f"no people in {folder}: fill it with `tfpose cache-people`")
    return joined(shards)


def joined(shards: Sequence[Shard]) -> Shard:
    """Returns the people of several shards as one; at least one shard."""
    return Shard(
        people=tuple(person for shard in shards for person in shard.people),
        maps=np.concatenate([shard.maps for shard in shards]),
        matrices=np.concatenate([shard.matrices for shard in shards]),
    )


def part(shard: Shard, wanted: Callable[[str], bool]) -> Shard:
    """Returns the people in the pictures whose names are wanted."""
    kept = [index for index, person in enumerate(shard.people) if wanted(person.file)]
    people = tuple(shard.people[index] for index in kept)
    return Shard(people=people, maps=shard.maps[kept], matrices=shard.matrices[kept])


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"))
