"""Local SGD: processes of one machine, one core each, that average their weights now and then.

Each trains on its share of the pictures. S. U. Stich, Local SGD Converges Fast and Communicates
Little, ICLR 2019, arXiv:1805.09767.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Barrier

import torch
from torch import Tensor

PATIENCE = 900.0  # seconds that a process waits for the others


@dataclass(frozen=True)
class Meeting:
    """What the processes share; goes to each as an argument.

    Attributes:
      memory: a row of numbers per process, and whether the time is over.
      barrier: where they wait for each other.
      count: of processes.
    """

    memory: SynchronizedArray[float]
    barrier: Barrier
    count: int


def meeting(count: int, numbers: int) -> Meeting:
    """Makes the meeting of `count` processes whose networks have `numbers` numbers."""
    context = multiprocessing.get_context("spawn")
    memory = context.Array(ctypes.c_float, count * numbers + 1)
    return Meeting(memory, context.Barrier(count), count)


def averaged(arrays: Mapping[str, Tensor]) -> list[Tensor]:
    """Those of a network's arrays that are averaged: weights, and statistics of norms."""
    return [one for one in arrays.values() if one.is_floating_point()]


class Together:
    """One of the processes; a context that ends the others if it fails.

    Args:
      meeting: that of all.
      rank: 0..count - 1; the first one's clock counts.

    Attributes:
      count: of processes.
    """

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self._barrier, self._rank, self.count = meeting.barrier, rank, meeting.count
        flat = torch.frombuffer(meeting.memory.get_obj(), dtype=torch.float32)
        self._rows, self._over = flat[:-1].view(meeting.count, -1), flat[-1:]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def average(self, arrays: Sequence[Tensor], *, over: bool) -> bool:
        """Sets arrays to their mean over the processes; returns whether the time is over.

        Raises:
          RuntimeError: another process has ended.
        """
        torch.cat([one.detach().reshape(-1) for one in arrays], out=self._rows[self._rank])
        if self._rank == 0:
            self._over.fill_(over)
        self._wait()
        mean, ended = self._rows.mean(0), bool(self._over)
        self._wait()  # nobody writes while somebody reads
        for one, part in zip(arrays, mean.split([one.numel() for one in arrays]), strict=True):
            one.copy_(part.view(one.shape))
        return ended

    def __enter__(self) -> Together:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the others, too, if this process fails."""
        if kind:
            self._barrier.abort()

    def _wait(self) -> None:
        try:
            self._barrier.wait(PATIENCE)
        except threading.BrokenBarrierError:
            raise RuntimeError("another process of this training has ended; see above") from None
