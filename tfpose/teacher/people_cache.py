"""Fills a cache of people: the teachers' maps of each annotated person's crop, as bytes, in shards.

Shards are written whole or not at all, each by
one process, in any order, so that a killed run is resumed with the missing ones.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from absl import logging
from tqdm import tqdm

from estimator import files, geometry, pictures
from estimator.arrays import UInt8
from estimator.people.boxes import HIGHER, WIDER

from ..data import annotations as reader
from ..data.beam_runner import BeamOptions
from ..data.cached_people import Person, Shard, read_shard, write_shard
from ..data.picture_files import BadPicture, Pictures
from ..data.resuming import alone
from .person_network import PersonTeacher, TeacherSpec, open_teacher, to_input_matrix

FILE = "people.json"
SHARD = 250  # people
SENT = ".work.pickle"  # what Beam's workers need; it goes when they are done
LEAST = 4  # labelled keypoints of a person who is cached
HEADLESS = 1.15  # further factor on the box where no keypoint of the head is labelled
PADDING = 1.25
HEAD = 5  # the first keypoints of COCO's 17


def people_of(annotations: Path, *, seed: int) -> list[Person]:
    """Reads the people of a COCO file, in random order.

    People with fewer than `LEAST` keypoints and crowd regions are left out. An annotation's
    `labelled_by`, where there is one, says who labelled it.

    Raises:
      FileNotFoundError, ValueError: as `annotations.read`, or there is nobody.
    """
    found = [
        Person(
            file=image.file_name,
            keypoints=person.keypoints,
            human=(person.labelled_by or "human").startswith("human"),
        )
        for image, person in reader.read(annotations).everybody()
        if not person.crowd and (person.keypoints[:, 2] > 0).sum() >= LEAST
    ]
    if not found:
        raise ValueError(f"{annotations} has nobody with {LEAST} keypoints or more")
    return [found[index] for index in np.random.default_rng(seed).permutation(len(found))]


def box_of(person: Person, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Returns the box that the teachers see: around the keypoints, slightly moved and scaled."""
    labelled = person.keypoints[:, 2] > 0
    xy = person.keypoints[labelled, :2]
    first, last = xy.min(axis=0), xy.max(axis=0)
    factor = 1.0 if labelled[:HEAD].any() else HEADLESS
    size = (last - first + 1) * [WIDER * factor, HIGHER * factor] * np.exp(rng.uniform(-0.12, 0.12))
    left, top = (first + last) / 2 + rng.uniform(-0.06, 0.06, 2) * size - size / 2
    return float(left), float(top), float(size[0]), float(size[1])


def fill(
    people: Sequence[Person],
    containers: Sequence[Path],
    teachers: Sequence[Path],
    folder: Path,
    *,
    seed: int = 0,
    processes: int = 1,
    beam: BeamOptions | None = None,
) -> int:
    """Makes a cache, or resumes one; returns the number of people in it.

    Args:
      people: from `people_of`.
      containers: folders and zips with their pictures.
      teachers: files of `person_network.open_teacher`.
      folder: of the cache.
      seed: of the boxes.
      processes: number of processes, one core each.
      beam: an engine instead; its workers see the folder, the pictures and the teachers.

    Raises:
      FileNotFoundError, ImportError, ValueError: pictures or teachers cannot be opened, or the
        folder was begun with other people or teachers.
      BlockingIOError: another process is filling it.
      ChildProcessError, OSError: a worker of Beam died, or the pipeline failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".lock", f"filling {folder}"):
        files.sweep(folder)
        _begin(people, teachers, folder, seed)
        work = _Work(tuple(people), tuple(containers), tuple(teachers), folder, seed)
        missing = [number for number in range(work.shards) if not work.path(number).is_file()]
        with tqdm(total=work.shards * SHARD, unit="person") as bar:
            bar.update((work.shards - len(missing)) * SHARD)
            written = _written(work, missing, processes)
            if beam is not None:
                written = _written_by_beam(work, missing, beam)
            for _ in written:
                bar.update(SHARD)
    return sum(len(read_shard(work.path(number)).people) for number in range(work.shards))


@dataclass(frozen=True)
class _Work:
    people: tuple[Person, ...]
    containers: tuple[Path, ...]
    teachers: tuple[Path, ...]
    folder: Path
    seed: int

    @property
    def shards(self) -> int:
        return -(-len(self.people) // SHARD)

    def part(self, number: int) -> tuple[Person, ...]:
        """The people of a shard."""
        return self.people[number * SHARD : (number + 1) * SHARD]

    def path(self, number: int) -> Path:
        return self.folder / f"{number:05}.npz"


def _begin(people: Sequence[Person], teachers: Sequence[Path], folder: Path, seed: int) -> None:
    made = {"people": len(people), "teachers": [path.name for path in teachers], "seed": seed}
    file = folder / FILE
    if file.is_file() and json.loads(file.read_text(encoding="utf-8")) != made:
        raise ValueError(
            f"{folder} was begun with {file.read_text(encoding='utf-8').strip()}, now {made}: "
            "go on with those, or give another --out"
        )
    files.write(file, json.dumps(made) + "\n")


def _written(work: _Work, missing: Sequence[int], processes: int) -> Iterator[int]:
    if processes == 1 or len(missing) < 2:
        _start(work)
        yield from map(_write, missing)
        return
    _start(work)  # a pool would start processes for ever where a teacher cannot be opened
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (work,)) as pool:
        yield from pool.imap_unordered(_write, missing)


def _written_by_beam(work: _Work, missing: Sequence[int], beam: BeamOptions) -> Iterator[int]:
    """The same by Beam; the bad pictures are those of the dead letters."""
    from ..bulk import pipeline, progress

    sent = work.folder / SENT
    if missing:
        open_teacher(work.teachers)  # one that cannot be opened is told here
        task = pipeline.send(Caching(work), str(sent))
        for number in progress.as_done(
            missing,
            lambda number: work.path(number).is_file(),
            lambda: pipeline.run(task, missing, beam),
        ):
            for file, reason in dead_letters(work.path(number)).items():
                _logged(file, reason)
            yield number
        sent.unlink()


@dataclass(frozen=True)
class Caching:
    """The task of a pipeline: elements are numbers of shards."""

    work: _Work

    def open(self) -> Callable[[int], Mapping[str, int]]:
        """Opens the teachers."""
        cv2.setNumThreads(1)
        work = self.work
        teacher, found = open_teacher(work.teachers), Pictures(work.containers)

        def do(number: int) -> dict[str, int]:
            bad = dict[str, str]()
            shard = label(
                work.part(number), found, teacher, seed=(work.seed, number), on_bad=bad.__setitem__
            )
            letters = [json.dumps({"name": name, "error": bad[name]}) + "\n" for name in bad]
            if letters:
                files.write(_letters(work.path(number)), "".join(letters))
            write_shard(shard, work.path(number))
            return {"shards": 1, "people": len(shard.people)}

        return do


def dead_letters(shard: Path) -> dict[str, str]:
    """The pictures that a process of Beam could not read for a shard, and why."""
    path = _letters(shard)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ()
    return {letter["name"]: letter["error"] for letter in map(json.loads, lines)}


def _letters(shard: Path) -> Path:
    return shard.with_suffix(".failed.jsonl")


_writer: Callable[[int], int]


def _write(number: int) -> int:
    """What a pool can send to a process."""
    return _writer(number)


def _start(work: _Work) -> None:
    """Opens what a process needs, once."""
    global _writer
    cv2.setNumThreads(1)
    teacher, found = open_teacher(work.teachers), Pictures(work.containers)

    def write(number: int) -> int:
        shard = label(work.part(number), found, teacher, seed=(work.seed, number))
        write_shard(shard, work.path(number))
        return number

    _writer = write


def label(
    people: Sequence[Person],
    found: Pictures,
    teacher: PersonTeacher,
    *,
    seed: Sequence[int],
    on_bad: Callable[[str, str], object] | None = None,
) -> Shard:
    """Labels people; those whose picture cannot be read are named and left out.

    Args:
      people: of a shard.
      found: the pictures.
      teacher: labels.
      seed: of the boxes.
      on_bad: gets the name of each picture that cannot be read, and the reason; by default they
        are logged.

    Raises:
      ValueError: no picture can be read.
    """
    rng = np.random.default_rng(seed)
    kept, maps, matrices = [], [], []
    cells = to_input_matrix(teacher.spec)
    for person in people:
        box = box_of(person, rng)
        try:
            picture = pictures.read(found.read(person.file))
        except (BadPicture, ValueError, OSError) as error:
            (on_bad or _logged)(person.file, str(error))
            continue
        crop, matrix = cut(picture, box, teacher.spec)
        maps.append(np.rint(np.clip(teacher(crop), 0, 1) * 255).astype(np.uint8))
        matrices.append(_joined(geometry.invert(cells), matrix))
        kept.append(person)
    if not kept:
        raise ValueError(f"no picture of {len(people)} people can be read, {people[0].file} first")
    return Shard(people=tuple(kept), maps=np.stack(maps), matrices=np.array(matrices, np.float32))


def _logged(name: str, reason: str) -> None:
    logging.warning("skipped %s: %s", name, reason)


def cut(
    picture: UInt8, box: tuple[float, float, float, float], spec: TeacherSpec
) -> tuple[UInt8, Any]:
    """Cuts a box out for a teacher, black outside of the picture; with the (2, 3) matrix."""
    matrix = geometry.crop_matrix(box, spec.height, spec.width, padding=PADDING)
    crop = cv2.warpAffine(picture, matrix, (spec.width, spec.height), flags=cv2.INTER_LINEAR)
    return np.asarray(crop), matrix


def _joined(second: Any, first: Any) -> Any:
    return (np.vstack([second, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2]
