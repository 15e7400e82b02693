"""Leaves processor time to the lanes: what comes in bulk waits while others send small pictures.

Bodies of megabytes and requests sent ahead of their answers are worked through on the event loop
and in a few more threads, as fast as a client sends them; with two cores, and one interpreter's
lock, that is time that the pictures of others do not get.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

_LONGEST = 1.0  # seconds of a pause
_SOON = 1.0  # seconds after a small request in which the next is expected


class Pace:
    """One account for everybody: bulk gets a share of a core while lanes are at work.

    Args:
      busy: whether lanes are at work, or pictures wait for them.
      share: of a core that bulk may then take.
    """

    def __init__(self, busy: Callable[[], bool], share: float) -> None:
        self._busy, self._share = busy, share
        self._free = 0.0  # of `time.monotonic`, when the next piece may be worked on
        self._expected = 0.0  # of `time.monotonic`, until when a small request is expected
        self._alone = threading.Lock()

    @contextlib.contextmanager
    def small(self) -> Iterator[None]:
        """A small request is at work. Bulk leaves time to it, and to the next that may follow.

        So that an answer need not wait for the bulk that was taken in just before it came.
        """
        self._expected = time.monotonic() + _SOON
        try:
            yield
        finally:
            self._expected = time.monotonic() + _SOON

    def pause(self, spent: float, *, always: bool = False) -> float:
        """Seconds to wait before the next piece of work.

        Args:
          spent: seconds of a core that the last piece took.
          always: it gets no more than its share of an idle service, either.
        """
        now = time.monotonic()
        if not always and now > self._expected and not self._busy():
            return 0.0
        with self._alone:
            self._free = min(max(self._free, now) + spent / self._share, now + _LONGEST)
            return self._free - now

    def resting(self) -> Callable[[], None]:
        """A function for a thread to call between two pieces of work: it sleeps as it must."""
        start = time.monotonic()

        def rest() -> None:
            nonlocal start
            if seconds := self.pause(time.monotonic() - start):
                time.sleep(seconds)
            start = time.monotonic()

        return rest
