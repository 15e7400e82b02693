"""The flags that say on which machines a command works, and Beam's silence."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from absl import flags

from tfpose.data.beam_runner import BeamOptions


class BeamFlags:
    """Defines and reads --runner and --beam_option of a command.

    Args:
      values: the command's flags.
      default: of --runner; None works without Beam.
      name: of the flag, where it has an older one.
    """

    def __init__(
        self, values: flags.FlagValues, default: str | None = None, *, name: str = "runner"
    ) -> None:
        without = "" if default else "; without it, no Beam at all"
        self._runner = flags.DEFINE_string(
            name, default, f"Beam's engine; DirectRunner is this machine{without}.",
            flag_values=values,
        )  # fmt: skip
        self._options = flags.DEFINE_multi_string(
            "beam_option", [], "A flag for Beam, such as --flink_master=HOST:8081.",
            flag_values=values,
        )  # fmt: skip

    def options(self, workers: int = 1) -> BeamOptions | None:
        """Where a pipeline runs; None where it is not Beam's.

        Args:
          workers: processes of DirectRunner.

        Raises:
          ImportError: Beam is not installed.
          ValueError: there are options for Beam, and no runner.
        """
        runner = self._runner.value
        if runner is None:
            if self._options.value:
                raise ValueError(f"--beam_option is Beam's: give --{self._runner.name}, too")
            return None
        with _quiet():
            import apache_beam  # noqa: F401  here, before anything else does it aloud
        return BeamOptions(runner=runner, workers=workers, flags=tuple(self._options.value))


@contextmanager
def _quiet() -> Iterator[None]:
    """Beam says at its import which clouds it cannot reach, and then every step that it takes."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
