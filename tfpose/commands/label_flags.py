"""The flags that say how annotation files are read."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from absl import flags, logging

from tfpose.commands import arguments

if TYPE_CHECKING:
    from estimator.skeleton import Skeleton
    from tfpose.data.annotations import Annotations, Choice


class LabelFlags:
    """Defines and reads --format, --category and --keypoint_names of a command.

    Args:
      values: the command's flags.
    """

    def __init__(self, values: flags.FlagValues) -> None:
        self._format = flags.DEFINE_enum(
            "format",
            None,
            ("coco", *(n for n in arguments.modules("data/formats") if n != "grouping")),
            "Of the annotations; found out where it is plain.",
            flag_values=values,
        )
        self._category = flags.DEFINE_list(
            "category",
            [],
            "Category of the annotations, by name; several, as A,B, are read as one.",
            flag_values=values,
        )
        self._names = flags.DEFINE_list(
            "keypoint_names",
            [],
            "THEIRS=OURS,...: keypoints of the annotations by the skeleton's names; or all names, "
            "in the file's order.",
            flag_values=values,
        )

    @property
    def choice(self) -> "Choice":
        """What to read of annotation files.

        Raises:
          ValueError: names with and without "=" are mixed.
        """
        from tfpose.data.annotations import Choice

        return Choice(
            categories=tuple(self._category.value),
            keypoints=tuple(self._names.value),
            format=self._format.value,
        )


def report(read: "Iterable[tuple[Annotations, Skeleton]]") -> None:
    """Logs a line for everything that reading put right or left out, and that looks wrong."""
    from tfpose.data.annotations import suspicions

    for found, skeleton in read:
        for line in (*found.notes(), *suspicions.lines(found, skeleton)):
            logging.warning("%s", line)
