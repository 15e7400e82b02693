"""Training in one process, or in several that average their weights (`together`)."""

from __future__ import annotations

import multiprocessing
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch

from . import learning, together
from .learning import Batches, Error, Options, Save
from .networks import Student
from .together import Meeting, Together


class Share(NamedTuple):
    """Which of the pictures a process trains on.

    Attributes:
      rank: of the process, from 0.
      processes: how many there are.
    """

    rank: int = 0
    processes: int = 1

    def has(self, file: str) -> bool:
        """Whether a picture is in this share; each is in one."""
        return zlib.crc32(file.encode()) % self.processes == self.rank


class Lesson(NamedTuple):
    """What a process trains.

    Attributes:
      student: the network.
      feed: its views.
      error: of its answers.
    """

    student: Student
    feed: Batches
    error: Error


Prepare = Callable[[Share, int], Lesson]  # of a share, with a seed; goes to other processes


def run(prepare: Prepare, options: Options, save: Save, *, processes: int = 1) -> None:
    """Trains until the time is over.

    Args:
      prepare: makes the network and the feed of a process.
      options: of the run; the seeds of its processes follow each other.
      save: writes the averaged arrays, by the Keras network's names.
      processes: that train together, on the CPU, one thread each; alone, one has all threads, or
        the GPU.

    Raises:
      ValueError: several processes, though there is a GPU; or as `learning.run` has it.
      RuntimeError: a process has ended before the time.
    """
    gpu = torch.cuda.is_available()
    if gpu and processes > 1:
        raise ValueError(
            f"processes must be 1 where there is a GPU, found {processes}: set "
            "CUDA_VISIBLE_DEVICES= to train on the CPU"
        )
    lesson = prepare(Share(0, processes), options.seed)
    if processes == 1:
        student = lesson.student.to("cuda" if gpu else "cpu")
        learning.run(student, lesson.feed, options, save, error=lesson.error)
        return
    numbers = sum(one.numel() for one in together.averaged(lesson.student.arrays()))
    meeting = together.meeting(processes, numbers)
    others = [
        multiprocessing.get_context("spawn").Process(
            target=_learn_beside,
            args=(prepare, options, meeting, rank),
            daemon=True,
        )
        for rank in range(1, processes)
    ]
    for other in others:
        other.start()
    with Together(meeting, 0) as place:
        _learn(lesson, options, save, place)
    for other in others:
        other.join()


def _learn_beside(prepare: Prepare, options: Options, meeting: Meeting, rank: int) -> None:
    """Trains in a process of its own; the first one writes the result."""
    with Together(meeting, rank) as place:
        options = replace(options, seed=options.seed + rank)
        lesson = prepare(Share(rank, meeting.count), options.seed)
        _learn(lesson, options, None, place)


def _learn(lesson: Lesson, options: Options, save: Save | None, place: Together) -> None:
    torch.set_num_threads(1)
    learning.run(lesson.student, lesson.feed, options, save, error=lesson.error, together=place)
