"""What somebody chose for `python -m estimator`, and what is made of it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import frame_writers, stream, top_down, writers
from .averaging import Averaging
from .frame_writers import FrameWriter
from .painting import Painting
from .pose_estimator import PoseEstimator
from .runner import usable_cores
from .smoothing import PRESETS as SMOOTHINGS
from .smoothing import Smoother
from .spec import PoseSpec
from .tracking import PRESETS as TRACKINGS
from .tracking import Tracker


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One value a flag; what they mean, and their defaults, stand in __main__.py."""

    model: str
    out: str | None
    draw: str
    colour: str | None
    scores: bool
    draw_boxes: bool
    beside: bool
    json: str | None
    coco: str | None
    jsonl: str | None
    csv: str | None
    openpose_json: str | None
    video: str | None
    show: bool
    track: bool
    tracking: str
    smooth: bool
    smoothing: str
    rate: float | None
    min_score: float
    flip: bool
    scales: Sequence[str]
    boxes: str | None
    detector: str | None
    batch: int
    height: int | None
    threads: int | None

    @property
    def tracks(self) -> bool:
        """People get identities, which smoothing needs, too."""
        return self.track or self.smooth

    def estimators(self, count: int = 1) -> list[PoseEstimator]:
        """The network, `count` times: the threads are shared out among them.

        Raises:
          FileNotFoundError, ValueError: there is no such model, or it cannot do what was chosen.
        """
        try:
            scales = tuple(float(scale) for scale in self.scales)
        except ValueError as error:
            raise ValueError(
                f"--scales must be factors as 0.5,1,1.5; found {self.scales}"
            ) from error
        return [
            PoseEstimator(
                self.model,
                threads=self.cores // count,
                height=self.height,
                averaging=Averaging(flip=self.flip, scales=scales),
                batch=self.batch,
            )
            for _ in range(count)
        ]

    @property
    def cores(self) -> int:
        """How many the networks may use."""
        return self.threads or usable_cores()

    def looks(
        self, estimators: Sequence[PoseEstimator], files: Sequence[Path] | None
    ) -> list[stream.Look]:
        """A look at a frame with each of the estimators.

        Args:
          estimators: each for a thread of its own.
          files: the pictures; None for a video or a stream.

        Raises:
          FileNotFoundError, ValueError: boxes or a detector that do not fit.
        """
        if self.boxes and self.detector:
            raise ValueError("--boxes and --detector both say where to look; give one")
        if self.boxes:
            boxes = top_down.boxes_of_file(self.boxes, pictures=files)
            return [top_down.TopDown(estimator, boxes) for estimator in estimators]
        if self.detector:
            threads = self.cores // len(estimators)
            return [
                top_down.TopDown(
                    estimator,
                    top_down.boxes_of_network(PoseEstimator(self.detector, threads=threads)),
                )
                for estimator in estimators
            ]
        return [stream.look_with(estimator) for estimator in estimators]

    def painting(self, spec: PoseSpec) -> Painting:
        """What is drawn.

        Raises:
          ValueError: this network has nothing of it.
        """
        painted = Painting(
            kind=self.draw,
            colour_by=self.colour or ("person" if self.tracks else "side"),
            scores=self.scores,
            boxes=self.draw_boxes,
            beside=self.beside,
        )
        painted.check(spec, keeps_maps=not (self.boxes or self.detector))
        return painted

    def people(self) -> stream.People:
        """Who is shown, and who is who."""
        return stream.People(
            tracker=Tracker(TRACKINGS[self.tracking]) if self.tracks else None,
            smoother=Smoother(SMOOTHINGS[self.smoothing]) if self.smooth else None,
            min_score=self.min_score,
        )

    def check_outputs(self, given: Sequence[Path]) -> None:
        """Refuses two outputs of one name, and one that is among the pictures given.

        Raises:
          ValueError: says which.
        """
        names = ("json", "coco", "jsonl", "csv", "video")
        chosen = {f"--{name}": getattr(self, name) for name in names}
        writers.check_apart({flag: Path(path) for flag, path in chosen.items() if path}, given)

    def open_outputs(
        self, stack: ExitStack, spec: PoseSpec, *, live: bool, numbered: bool
    ) -> list[FrameWriter]:
        """The files for poses, closed with the stack.

        Raises:
          OSError, ValueError: one cannot be written.
        """
        kinds = ("coco", "openpose_json", "json", "jsonl", "csv")
        return [
            stack.enter_context(
                frame_writers.open_writer(kind, path, spec, live=live, numbered=numbered)
            )
            for kind in kinds
            if (path := getattr(self, kind))
        ]
