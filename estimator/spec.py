"""PoseSpec: all that a caller must know of a model, validated, and JSON both ways."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from . import decoders
from .skeleton import Skeleton

FORMAT = 1  # of the JSON; a reader refuses a newer one
FITS = ("letterbox", "crop")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """The network's input: RGB, 0..255; normalisation is the network's own first layer.

    Attributes:
      height, width: pixels that the model was made for.
      multiple: height and width must be multiples of it.
      flexible: the graph may be resized to other multiples; if not, it takes height x width only.
      fit: "letterbox" lays the whole picture in (bottom-up), "crop" a person's box (top-down).
      box_padding: factor on the box before it is cut out; "crop" only.
    """

    height: int
    width: int
    multiple: int = 8
    flexible: bool = False
    fit: str = "letterbox"
    box_padding: float = 1.25

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ValueError(f"image.fit must be one of {FITS}, found {self.fit!r}")
        if self.multiple < 1:
            raise ValueError(f"image.multiple must be at least 1, found {self.multiple}")
        for name, length in (("height", self.height), ("width", self.width)):
            if length < self.multiple or length % self.multiple:
                raise ValueError(
                    f"image.{name} must be a positive multiple of {self.multiple}, found {length}"
                )
        if not self.box_padding > 0:
            raise ValueError(f"image.box_padding must be positive, found {self.box_padding}")


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """The network's maps: what their channels are, and how targets for them are drawn.

    Attributes:
      stride: input pixels a cell.
      background: the last heatmap channel is 1 - max of the others.
      pafs: there are part affinity fields, two channels a limb, x before y.
      sigma: of the keypoints' Gaussians, in input pixels.
      paf_thickness: half the width of a limb's field, in cells.
    """

    stride: int = 8
    background: bool = True
    pafs: bool = True
    sigma: float = 7.0
    paf_thickness: float = 1.0

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise ValueError(f"outputs.stride must be at least 1, found {self.stride}")
        if not (self.sigma > 0 and self.paf_thickness > 0):
            raise ValueError(
                "outputs.sigma and outputs.paf_thickness must be positive, "
                f"found {self.sigma} and {self.paf_thickness}"
            )


@dataclass(frozen=True, kw_only=True)
class PoseSpec:
    """A model's contract; travels inside the model's file.

    Attributes:
      model: a name of `tfpose.models`, or a user's own.
      skeleton: its keypoints are the heatmaps' channels, its limbs the fields'.
      image: the input.
      outputs: the maps.
      decoder: `Parameters` of one of `estimator.decoders`.
    """

    model: str
    skeleton: Skeleton
    image: ImageSpec
    outputs: OutputSpec
    decoder: decoders.Parameters

    def __post_init__(self) -> None:
        if self.image.multiple % self.outputs.stride:
            raise ValueError(
                f"image.multiple {self.image.multiple} must be a multiple of outputs.stride "
                f"{self.outputs.stride}"
            )
        if self.outputs.pafs and not self.skeleton.limbs:
            raise ValueError(
                f"skeleton {self.skeleton.name!r} has no limbs, so there can be no part affinity "
                "fields: give it limbs, or set outputs.pafs to False"
            )

    @property
    def channels(self) -> dict[str, int]:
        """The outputs by name, and how many channels each has."""
        channels = {"heatmaps": len(self.skeleton.keypoints) + self.outputs.background}
        if self.outputs.pafs:
            channels["pafs"] = 2 * len(self.skeleton.limbs)
        return channels

    def with_height(self, height: int) -> PoseSpec:
        """The spec of a flexible graph at another base height; the width follows the picture.

        Args:
          height: pixels, at least 1; rounded up to a multiple of `image.multiple`.

        Raises:
          ValueError: the graph is fixed at another height, or the height is not positive.
        """
        image = self.image
        if height == image.height:
            return self
        if not image.flexible:
            raise ValueError(
                f"{self.model} is a fixed graph of {image.height}x{image.width}; height {height} "
                "needs one exported as flexible"
            )
        if height < 1:
            raise ValueError(f"height must be at least 1 pixel, found {height}")
        rounded = -(-height // image.multiple) * image.multiple
        return dataclasses.replace(self, image=dataclasses.replace(image, height=rounded))

    def to_json(self) -> str:
        """The spec as readable JSON."""
        tree = dataclasses.asdict(self)
        tree["decoder"] = {"name": decoders.name_of(self.decoder), **tree["decoder"]}
        return json.dumps({"format": FORMAT, **tree}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> PoseSpec:
        """Reads what `to_json` wrote.

        Raises:
          ValueError: not JSON, of a newer format, or a field is missing, unknown or invalid.
        """
        try:
            tree = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"pose_spec.json is not JSON: {error}") from error
        if not isinstance(tree, dict) or not isinstance(tree.get("format"), int):
            raise ValueError("pose_spec.json has no integer 'format': it is no pose spec")
        if tree["format"] > FORMAT:
            raise ValueError(
                f"pose_spec.json has format {tree['format']}, this tfpose reads up to {FORMAT}: "
                "upgrade tfpose (pip install -U tfpose)"
            )
        fields = {key: value for key, value in tree.items() if key != "format"}
        parameters = _object("decoder", fields.get("decoder"))
        module = decoders.get(str(parameters.pop("name", None)))
        skeleton = _object("skeleton", fields.get("skeleton"))
        return _build(
            cls,
            "spec",
            fields
            | {
                "skeleton": _build(Skeleton, "skeleton", _tuples(skeleton)),
                "image": _build(ImageSpec, "image", _object("image", fields.get("image"))),
                "outputs": _build(OutputSpec, "outputs", _object("outputs", fields.get("outputs"))),
                "decoder": _build(module.Parameters, "decoder", parameters),
            },
        )


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"pose_spec.json needs an object {name!r}, found {value!r}")
    return dict(value)


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples, at every depth."""
    if isinstance(value, dict):
        return {key: _tuples(part) for key, part in value.items()}
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _build(kind: type[T], name: str, fields: dict[str, Any]) -> T:
    """The dataclass of those fields, or an error that names the field."""
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    required = {
        field.name
        for field in known.values()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    unknown, missing = sorted(set(fields) - set(known)), sorted(required - set(fields))
    if unknown or missing:
        raise ValueError(
            f"pose_spec.json: {name} has unknown fields {unknown} and lacks {missing}; "
            f"known are {sorted(known)}"
        )
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"pose_spec.json: {name} has a field of a wrong type: {error}") from error
