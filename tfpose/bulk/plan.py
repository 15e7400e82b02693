"""Which pictures belong to which shard: decided once, before any is read, and always the same way.

A plan is a line of JSON per shard in `PREFIX.progress/plan.jsonl`. Workers get a shard's number and
read its line, so that a pipeline of a thousand shards is small.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from estimator import pictures

from . import containers, storage
from .containers import Reading, single_files
from .pieces import Piece
from .storage import Stored


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Pictures whose people are written into one file.

    Attributes:
      index, of: number of the shard from 0, and of all shards.
      number: of its first picture in the whole plan.
      pieces: of containers, in order.
    """

    index: int
    of: int
    number: int
    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        """As in the files' names: 00003-of-00012."""
        return f"{self.index:05d}-of-{self.of:05d}"

    @property
    def count(self) -> int:
        """Its pictures; an estimate where there are videos."""
        return sum(piece.count for piece in self.pieces)

    def numbered(self) -> Iterator[tuple[int, Piece]]:
        """The pieces, each with the number of its first picture."""
        number = self.number
        for piece in self.pieces:
            yield number, piece
            number += piece.numbers

    def line(self) -> str:
        """For the plan's file."""
        tree = {**vars(self), "pieces": [piece.tree() for piece in self.pieces]}
        return json.dumps(tree, sort_keys=True)

    @classmethod
    def of_line(cls, line: str | bytes) -> "Shard":
        """The inverse of `line`."""
        tree = json.loads(line)
        return cls(**{**tree, "pieces": tuple(map(Piece.of_tree, tree["pieces"]))})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All shards.

    Attributes:
      shards: in order.
      passed_over: files of folders and globs that are neither pictures nor containers.
    """

    shards: tuple[Shard, ...]
    passed_over: int

    @property
    def count(self) -> int:
        """Pictures, broken containers counted as one."""
        return sum(shard.count for shard in self.shards)

    @property
    def size(self) -> int:
        """Encoded bytes."""
        return sum(piece.size for shard in self.shards for piece in shard.pieces)

    def text(self) -> bytes:
        """The plan's file."""
        return "".join(shard.line() + "\n" for shard in self.shards).encode()

    def places_of(self, shards: Sequence[Shard]) -> list[tuple[int, int]]:
        """First byte and length of some shards' lines in the plan's file."""
        places = self.places()
        return [places[shard.index] for shard in shards]

    def places(self) -> list[tuple[int, int]]:
        """First byte and length of each shard's line in the plan's file."""
        lengths = [len(shard.line().encode()) + 1 for shard in self.shards]
        ends = itertools.accumulate(lengths)
        return [(end - length, length) for end, length in zip(ends, lengths, strict=True)]

    @property
    def fingerprint(self) -> str:
        """Of everything in it: another plan has another one."""
        return hashlib.sha256(self.text()).hexdigest()

    @property
    def outline(self) -> str:
        """The fingerprint without the files' sizes, and so that of the same files mended."""
        shards = (
            replace(shard, pieces=tuple(replace(piece, size=0, offset=0) for piece in shard.pieces))
            for shard in self.shards
        )
        return replace(self, shards=tuple(shards)).fingerprint


def make(inputs: Sequence[str], *, most: int, reading: Reading, deep: bool = False) -> Plan:
    """Lists the inputs and lays their pictures into shards.

    Pictures keep the order of the inputs, of the names in a folder or glob, and of a container;
    single files come before the containers of their input.

    Args:
      inputs: paths, folders (the files directly inside) and globs; a file that is named alone is a
        picture unless its name says that it is a container.
      most: pictures of a shard, at least 1.
      reading: how containers are read.
      deep: of a folder, the pictures at any depth, and no containers.

    Raises:
      FileNotFoundError: an input has no files, or none has a picture.
      ValueError: most is below 1.
    """
    if most < 1:
        raise ValueError(f"a shard needs at least one picture, found {most}")
    singles, others, passed = list[Stored](), list[tuple[Stored, str]](), 0
    known = set[str]()
    for pattern in inputs:
        folder = deep and storage.is_folder(pattern)
        found = storage.below(pattern) if folder else storage.find(pattern)
        for stored in found:
            kind = containers.kind_of(stored.path)
            if folder and kind != "single_files":
                kind = ""
            if not kind and [stored.path] == [pattern]:
                kind = "single_files"
            if not kind or pictures.is_of_the_system(stored.path) or stored.path in known:
                passed += stored.path not in known
                continue
            known.add(stored.path)
            if kind == "single_files":
                singles.append(stored)
            else:
                others.append((stored, kind))
    pieces = single_files.together(singles, most)
    for stored, kind in others:
        pieces += containers.list_pieces(stored, kind, most, reading)
    if not pieces:
        raise FileNotFoundError(f"no pictures in {', '.join(inputs)}: {passed} other files")
    return Plan(shards=tuple(_packed(pieces, most)), passed_over=passed)


def _packed(pieces: Sequence[Piece], most: int) -> Iterator[Shard]:
    """Neighbouring pieces share a shard while there is room."""
    groups: list[list[Piece]] = []
    room = 0
    for piece in pieces:
        if not groups or piece.count > room:
            groups.append([])
            room = most
        groups[-1].append(piece)
        room -= piece.count
    number = 0
    for index, group in enumerate(groups):
        yield Shard(index=index, of=len(groups), number=number, pieces=tuple(group))
        number += sum(piece.numbers for piece in group)
