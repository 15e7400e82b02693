"""Options of the second look: which people get it, and how both answers are joined."""

from dataclasses import dataclass, field

from ..spec import PoseSpec
from .merging import Merging

MODES = ("auto", "off", "always")
# Networks besides detectors whose people get one by default, with these keypoints.
FIRST = {"tfpose_s": "openpose18"}
READERS = {"tfpose_detector_nano": "tfpose_person_nano"}  # by the network that finds people
READER = "tfpose_person"  # of all others


@dataclass(frozen=True, kw_only=True)
class Options:
    """At whom the second network looks, and what is kept of its answer.

    Attributes:
      mode: "off"; "always": at everybody whom a bottom-up network finds; "auto": at the `people`
        best of a picture, which bounds the time, and only where that network is one of `FIRST` or
        `model` is given.
      model: path or shipped name of a top-down network; empty: the one that goes with the first
        network (`reader_of`).
      people: highest number of people per picture in "auto".
      boxes: highest number of a detector's boxes per picture in "auto".
      widen: factor on the usual size of a person around their keypoints (people/boxes.py), since
        the first network may miss a leg or an arm.
      merging: how both answers are joined.
      limit: highest OKS of two people who both stay.
      box: lowest score of a box, of a first network that gives boxes, in which somebody is looked
        for whom it did not find; 1 looks for nobody.

    Raises:
      ValueError: a value is out of range, or a network is given and the mode is "off"; says which.
    """

    mode: str = "auto"
    model: str = ""
    people: int = 15
    boxes: int = 30
    widen: float = 1.0
    merging: Merging = field(default_factory=Merging)
    limit: float = 0.9
    box: float = 0.4

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"second_look must be one of {', '.join(MODES)}, found {self.mode!r}")
        if self.model and self.mode == "off":
            raise ValueError(
                f"{self.model} cannot read people while second_look is 'off': leave one of them out"
            )
        for name in ("people", "boxes"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"second_look.{name} must be at least 1, found {getattr(self, name)}"
                )
        if not self.widen > 0:
            raise ValueError(f"second_look.widen must be positive, found {self.widen}")
        if not 0 < self.limit <= 1:
            raise ValueError(f"second_look.limit must be above 0 and at most 1, found {self.limit}")
        if not 0 < self.box <= 1:
            raise ValueError(f"second_look.box must be above 0 and at most 1, found {self.box}")

    def applies_to(self, first: PoseSpec) -> bool:
        """Returns whether the people of a first network get a second look.

        A network that takes boxes reads people from crops already, so that it never gets one; a
        detector gives boxes alone, and always does. In "auto" others than those of `FIRST`, or with
        other keypoints, are the user's own, and get one where `model` is given.

        Raises:
          ValueError: a detector, and the second look is off; or a network that takes boxes, and
            another is to read its people.
        """
        if first.answers == "boxes":
            if self.mode == "off":
                raise ValueError(
                    f"{first.model} gives people's boxes and no keypoints: second_look must be "
                    "'auto' or 'always', found 'off'; tfpose_s does without one"
                )
            return True
        if first.image.fit == "crop":
            if self.model:
                raise ValueError(
                    f"{self.model} cannot read the people of {first.model}, which reads people in "
                    "boxes itself: name a detector or a bottom-up network as the first"
                )
            return False
        ours = FIRST.get(first.model) == first.skeleton.name or bool(self.model)
        return self.mode == "always" or (self.mode == "auto" and ours)

    @property
    def unasked(self) -> bool:
        """Whether nobody asked for a second look; then a model of the user's own gets none."""
        return self.mode == "auto" and not self.model

    def reader_of(self, first: PoseSpec) -> str:
        """Returns the path or shipped name of the network that reads a first network's people."""
        return self.model or READERS.get(first.model, READER)

    def most(self, first: PoseSpec) -> int:
        """Returns how many people or boxes of a first network are read in a picture in "auto"."""
        return self.boxes if first.answers == "boxes" else self.people

    def least_box(self, first: PoseSpec) -> float:
        """Returns the lowest score of a box of a first network in which somebody is looked for."""
        return float(first.decoder.min_box if first.answers == "boxes" else self.box)
