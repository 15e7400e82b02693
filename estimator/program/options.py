"""The options of `python -m estimator`, and the objects that they configure."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..engines import AUTO
from ..engines.checks import default_threads
from ..inputs.averaging import Averaging
from ..outputs import frame_writers
from ..outputs.frame_writers import FrameWriter
from ..outputs.painting import Painting
from ..people.smoothing import PRESETS as SMOOTHINGS
from ..people.smoothing import Smoother
from ..people.tracking import PRESETS as TRACKINGS
from ..people.tracking import Tracker
from ..pose_estimator import PoseEstimator
from ..second_look.merging import Merging
from ..second_look.options import Options as SecondLook
from ..spec import PoseSpec
from ..streams import top_down
from ..streams.follow import FrameEstimator, PeopleFilter, whole_frame
from ..streams.top_down import TopDown

MANY = 64  # pictures from which on the fastest engine makes good its longer start


@dataclass(frozen=True, kw_only=True)
class Options:
    """One field per flag; meanings and defaults are in __main__.py."""

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
    second_look: str
    reader: str | None
    batch: int
    height: int | None
    threads: int | None
    engine: str | None
    max_people: int | None
    normalised: bool
    frames: str | None

    @property
    def tracks(self) -> bool:
        """Whether people get identities; smoothing needs them, too."""
        return self.track or self.smooth

    @property
    def may_reduce(self) -> bool:
        """Whether the network's input is all that is wanted of a picture's pixels."""
        whole = [float(scale) for scale in self.scales] == [1.0]
        return whole and self.draw == "none" and not (self.boxes or self.detector)

    def estimators(self, count: int = 1, *, pictures: int | None = None) -> list[PoseEstimator]:
        """The network, `count` times; they share the cores.

        Args:
          count: how many.
          pictures: they will see; None for a stream.

        Raises:
          FileNotFoundError, ValueError: there is no such model, or an option does not fit it.
        """
        try:
            scales = tuple(float(scale) for scale in self.scales)
        except ValueError as error:
            raise ValueError(
                f"--scales must be factors as 0.5,1,1.5; found {self.scales}"
            ) from error
        many = pictures is None or pictures >= MANY
        return [
            PoseEstimator(
                self.model,
                threads=self.cores // count,
                height=self.height,
                averaging=Averaging(flip=self.flip, scales=scales),
                batch=self.batch,
                engine=self.engine or (AUTO if many else None),
                second_look=self._look,
            )
            for _ in range(count)
        ]

    @property
    def _look(self) -> SecondLook:
        """Whoever keeps everybody, for COCO's AP, gets every keypoint, too."""
        filled = Merging.filled if self.min_score else 0.0
        return SecondLook(
            mode=self.second_look, model=self.reader or "", merging=Merging(filled=filled)
        )

    @property
    def cores(self) -> int:
        """The number of cores that the networks may use."""
        return self.threads or default_threads()

    def frame_estimators(
        self, estimators: Sequence[PoseEstimator], paths: Sequence[Path] | None
    ) -> list[FrameEstimator]:
        """A frame estimator with each of the networks.

        Args:
          estimators: each for a thread of its own.
          paths: the pictures; None for a video or a stream.

        Raises:
          FileNotFoundError, ValueError: boxes or a detector that do not fit.
        """
        if self.boxes and self.detector:
            raise ValueError("--boxes and --detector both give boxes; give one")
        if self.boxes:
            boxes = top_down.boxes_of_file(self.boxes, pictures=paths)
            return [TopDown(estimator, boxes) for estimator in estimators]
        if self.detector:
            threads = self.cores // len(estimators)
            detectors = [PoseEstimator(self.detector, threads=threads) for _ in estimators]
            return [
                TopDown(estimator, top_down.boxes_of_network(detector))
                for estimator, detector in zip(estimators, detectors, strict=True)
            ]
        return [whole_frame(estimator) for estimator in estimators]

    def painting(self, spec: PoseSpec) -> Painting:
        """What is drawn.

        Raises:
          ValueError: this network has no such maps to draw.
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

    def people(self) -> PeopleFilter:
        """What filters the people of each frame."""
        return PeopleFilter(
            tracker=Tracker(TRACKINGS[self.tracking]) if self.tracks else None,
            smoother=Smoother(SMOOTHINGS[self.smoothing]) if self.smooth else None,
            min_score=self.min_score,
            max_people=self.max_people,
        )

    def check_outputs(self, given: Sequence[Path]) -> None:
        """Refuses two outputs of one name, and an output that is an input.

        Raises:
          ValueError: says which.
        """
        names = ("json", "coco", "jsonl", "csv", "video")
        paths = {f"--{name}": getattr(self, name) for name in names}
        files.check_apart({flag: Path(path) for flag, path in paths.items() if path}, given)

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
                frame_writers.open_writer(
                    kind,
                    path,
                    spec,
                    live=live,
                    numbered=numbered,
                    normalised=self.normalised,
                )
            )
            for kind in kinds
            if (path := getattr(self, kind))
        ]
