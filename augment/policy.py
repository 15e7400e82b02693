"""AugmentPolicy: the changes of training pictures, their ranges and their probabilities.

A policy is data; `augment.sampling` draws from it. The policies of published programs are in
`POLICIES`, with ranges as read in their code:
  Lightweight OpenPose   datasets/transformations.py (Daniil-Osokin, 2018)
  tf-pose-estimation     pose_augment.py, of 2017 and of 2019 (Ildoo Kim)
  HRNet, humanpose       lib/dataset/JointsDataset.py, experiments/*/hrnet/*.yaml (Sun et al. 2019)
  RTMPose                mmpose 1.3.2, configs/body_2d_keypoint/rtmpose, datasets/transforms
  Fast Human Pose (FPD)  pose/datasets/mpii.py (Zhang et al. 2019, arXiv:1811.05419)
Here each is one matrix, applied once, where the originals resample at every step; and all mirror
at `width - 1 - x`, where tf-pose-estimation has `width - x`.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = ("fit", "person", "random_crop")
GREY = ((128, 128, 128),)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A random number.

    Attributes:
      low, high: its bounds.
      deviation: of a normal distribution about the middle of the bounds, clipped to them; None
        makes the number uniform.
      probability: of applying the change; otherwise the picture stays as it is.
    """

    low: float
    high: float
    deviation: float | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"a draw's low must not exceed its high, found {self.low, self.high}")
        if self.deviation is not None and not self.deviation > 0:
            raise ValueError(f"a draw's deviation must be positive, found {self.deviation}")
        _check_probability("a draw's probability", self.probability)


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a probability of 0..1, found {value}")


@dataclass(frozen=True, kw_only=True)
class AugmentPolicy:
    """Ranges and probabilities; the default changes nothing.

    Attributes:
      frame: the part of the picture that scale 1 without shift shows. "fit": as the estimator's own
        preprocessing, the whole picture or, for a top-down model, the person's padded box.
        "person": one person, drawn among those who qualify, centred, `person_height` of the input
        high; a picture without one is shown as by "fit". "random_crop": the picture's shorter edge
        fills the input's; where the picture is larger, the crop is anywhere inside it.
      person_height: share of the input's height; "person" only.
      min_keypoints, min_area: labelled keypoints and square pixels of a person who qualifies;
        "person" only.
      scale: factor on the picture.
      cut: factor on the size of the crop; a larger one shows more of the picture.
      stretch: a further factor, drawn separately for x and y; applied before the rotation.
      rotation: degrees, clockwise.
      flip: probability of mirroring.
      shift: largest move of the centre along x and along y, as a share of the input's width and
        height, uniform.
      half_body: probability of cutting out only the upper or the lower body of a person; top-down.
      half_body_keypoints: a person needs more labelled keypoints than this for it.
      upper_body: share of the upper body among the halves.
      fills: RGB colours around the picture, 0..255; one is drawn evenly.
      brightness: factor on the picture.
      contrast: factor on the distance from each channel's mean.
      channel: factor on R, G and B, drawn separately.
      blur: probability of a 3x3 binomial blur.
      one_colour_change: probability of one change among brightness, contrast and blur, drawn
        evenly; None draws each of them by its own probability.
      empty: share kept of the pictures without people.
    """

    frame: str = "fit"
    person_height: float = 0.6
    min_keypoints: int = 1
    min_area: float = 0.0
    scale: Draw = Draw(low=1, high=1)
    cut: Draw = Draw(low=1, high=1)
    stretch: Draw = Draw(low=1, high=1)
    rotation: Draw = Draw(low=0, high=0)
    flip: float = 0.0
    shift: float = 0.0
    half_body: float = 0.0
    half_body_keypoints: int = 8
    upper_body: float = 0.5
    fills: tuple[tuple[int, int, int], ...] = GREY
    brightness: Draw = Draw(low=1, high=1)
    contrast: Draw = Draw(low=1, high=1)
    channel: Draw = Draw(low=1, high=1)
    blur: float = 0.0
    one_colour_change: float | None = None
    empty: float = 1.0

    def __post_init__(self) -> None:
        if self.frame not in FRAMES:
            raise ValueError(f"frame must be one of {FRAMES}, found {self.frame!r}")
        for name in ("flip", "half_body", "upper_body", "blur", "empty"):
            _check_probability(name, getattr(self, name))
        if self.one_colour_change is not None:
            _check_probability("one_colour_change", self.one_colour_change)
        for name in ("scale", "cut", "stretch"):
            if not getattr(self, name).low > 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        for name in ("brightness", "contrast", "channel"):
            if getattr(self, name).low < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if not self.person_height > 0 or self.shift < 0:
            raise ValueError(
                "person_height must be positive and shift not negative, "
                f"found {self.person_height} and {self.shift}"
            )
        if not self.fills or any(
            len(fill) != 3 or not all(0 <= level <= 255 for level in fill) for fill in self.fills
        ):
            raise ValueError(f"fills must be RGB colours of 0..255, found {self.fills}")

    @property
    def changes_colours(self) -> bool:
        """Whether any sample's colours can change."""
        neutral = AugmentPolicy()
        return self.blur > 0 or any(
            getattr(self, name) != getattr(neutral, name)
            for name in ("brightness", "contrast", "channel")
        )


def names() -> tuple[str, ...]:
    """The policies' names, sorted."""
    return tuple(sorted(POLICIES))


def get(name: str) -> AugmentPolicy:
    """The policy of that name.

    Raises:
      ValueError: there is none; says which there are.
    """
    if name not in POLICIES:
        raise ValueError(f"no augmentation policy {name!r}; there are {', '.join(names())}")
    return POLICIES[name]


def _lightweight_openpose() -> AugmentPolicy:
    """Lightweight OpenPose.

    Exact: the person's box becomes 0.6 * U(0.5, 1.1) of the input's height, U(-40, 40) degrees,
    its centre within 40 px of 368 of the input's, grey 128 around, mirrored half of the time; only
    people of 5 keypoints and 32 * 32 pixels are centred on. Approximate: the person is drawn
    anew each epoch, one sample per picture, where the original lists one per person; people
    within 0.3 boxes of an earlier one are not left out.
    """
    return AugmentPolicy(
        frame="person",
        person_height=0.6,
        min_keypoints=5,
        min_area=32 * 32,
        scale=Draw(low=0.5, high=1.1),
        rotation=Draw(low=-40, high=40),
        shift=40 / 368,
        flip=0.5,
    )


def _tf_openpose_2017() -> AugmentPolicy:
    """tf-pose-estimation in 2017.

    Exact: width and height times U(0.8, 1.4) apart, U(-40, 40) degrees, the largest upright
    rectangle inside, its shorter edge U(0.7, 1.5) of the input's, a random cut, or 0, 127 or 255
    around; then in 7 of 10 one of brightness U(0.6, 1.4), contrast U(0.7, 1.4) and a blur.
    Approximate: around a rectangle smaller than the input the rest of the picture shows before
    the padding begins. The up to 50 tries for a cut with a nose are left out: the original's
    test ends only its inner loop.
    """
    return AugmentPolicy(
        frame="random_crop",
        stretch=Draw(low=0.8, high=1.4),
        rotation=Draw(low=-40, high=40),
        scale=Draw(low=0.7, high=1.5),
        flip=0.5,
        fills=((0, 0, 0), (127, 127, 127), (255, 255, 255)),
        brightness=Draw(low=0.6, high=1.4),
        contrast=Draw(low=0.7, high=1.4),
        blur=1.0,
        one_colour_change=0.7,
    )


def _tf_openpose_2019() -> AugmentPolicy:
    """tf-pose-estimation in 2019.

    Exact: as 2017's with U(0.8, 1.2), U(-15, 15) degrees and U(0.95, 1.6), black with a random
    blue around, no change of colours, a fifth of the pictures without people. Approximate: as
    2017's.
    """
    return AugmentPolicy(
        frame="random_crop",
        stretch=Draw(low=0.8, high=1.2),
        rotation=Draw(low=-15, high=15),
        scale=Draw(low=0.95, high=1.6),
        flip=0.5,
        fills=tuple((0, 0, blue) for blue in range(256)),
        empty=0.2,
    )


def _hrnet() -> AugmentPolicy:
    """HRNet and humanpose.pytorch on COCO.

    Exact: the box times 1 + N * 0.35 within 0.65..1.35, N * 45 degrees within 90 in 6 of 10,
    mirrored half of the time, half a body in 3 of 10 of those with more than 8 keypoints, of which
    the upper in 69 of 100 (the original compares a normal number with 0.5), black around;
    half a body is centred on the mean of its keypoints and 1.5 times their extent is cut out.
    Approximate: the upper body is told by the keypoints' names.
    """
    return AugmentPolicy(
        cut=Draw(low=0.65, high=1.35, deviation=0.35),
        rotation=Draw(low=-90, high=90, deviation=45, probability=0.6),
        flip=0.5,
        half_body=0.3,
        half_body_keypoints=8,
        upper_body=0.69,
        fills=((0, 0, 0),),
    )


def _hrnet_mpii() -> AugmentPolicy:
    """HRNet and humanpose.pytorch on MPII: a quarter, N * 30 degrees within 60, whole bodies.

    The wider centre (15 pixels of scale lower, 1.25 times the size) is the data set's box.
    """
    return AugmentPolicy(
        cut=Draw(low=0.75, high=1.25, deviation=0.25),
        rotation=Draw(low=-60, high=60, deviation=30, probability=0.6),
        flip=0.5,
        fills=((0, 0, 0),),
    )


def _fpd_hourglass() -> AugmentPolicy:
    """Fast Human Pose's hourglass on MPII: HRNet's there, and R, G, B times U(0.8, 1.2) apart."""
    return AugmentPolicy(
        cut=Draw(low=0.75, high=1.25, deviation=0.25),
        rotation=Draw(low=-60, high=60, deviation=30, probability=0.6),
        flip=0.5,
        fills=((0, 0, 0),),
        channel=Draw(low=0.8, high=1.2),
    )


def _rtmpose() -> AugmentPolicy:
    """RTMPose on COCO.

    Exact: mirrored half of the time, rotated in 6 of 10, half a body in 3 of 10. Approximate: the
    box times U(0.6, 1.4) and U(-80, 80) degrees, where the original draws normal numbers within one
    deviation; brightness and contrast for its changes of hue, saturation and value; a blur in 2 of
    10, its two kinds of 1 in 10 each. Its shift of the box (by up to 0.16 in 3 of 10) and the
    rectangle that covers a part of each picture are left out.
    """
    return AugmentPolicy(
        cut=Draw(low=0.6, high=1.4),
        rotation=Draw(low=-80, high=80, probability=0.6),
        flip=0.5,
        half_body=0.3,
        half_body_keypoints=8,
        fills=((0, 0, 0),),
        brightness=Draw(low=0.8, high=1.2),
        contrast=Draw(low=0.7, high=1.3),
        channel=Draw(low=0.9, high=1.1),
        blur=0.2,
    )


def _cached() -> AugmentPolicy:
    """For a teacher's canvases, which are moved and rotated already: mirrors and recolours."""
    return AugmentPolicy(
        flip=0.5,
        brightness=Draw(low=0.8, high=1.2),
        contrast=Draw(low=0.7, high=1.35),
        channel=Draw(low=0.9, high=1.1),
    )


def _finetune() -> AugmentPolicy:
    """For one's own few pictures: as large as evaluation shows them, a little changed.

    The published policies make people a share of the input's height. Pictures that one person
    fills are then smaller in training than in use, at the same height of the input.
    """
    return AugmentPolicy(
        scale=Draw(low=0.75, high=1.25),
        rotation=Draw(low=-20, high=20),
        shift=0.1,
        flip=0.5,
        brightness=Draw(low=0.8, high=1.2),
        contrast=Draw(low=0.8, high=1.2),
    )


POLICIES = {
    "cached": _cached(),
    "none": AugmentPolicy(),
    "lightweight_openpose": _lightweight_openpose(),
    "tf_openpose_2017": _tf_openpose_2017(),
    "tf_openpose_2019": _tf_openpose_2019(),
    "hrnet": _hrnet(),
    "hrnet_mpii": _hrnet_mpii(),
    "fpd_hourglass": _fpd_hourglass(),
    "finetune": _finetune(),
    "rtmpose": _rtmpose(),
}
