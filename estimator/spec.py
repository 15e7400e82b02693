"""PoseSpec: all that a caller must know of a model, validated, with JSON both ways."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from . import decoders, skeleton_file
from .arrays import Float
from .layout import ImageSpec, OutputSpec
from .poses import Poses
from .skeleton import Skeleton

FORMAT = 1  # version of the JSON; a reader refuses a newer one
T = TypeVar("T")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1 << 31


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


_KINDS: dict[str, Callable[[object], bool]] = {  # by the name of a field's type
    "int": _is_whole,
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str) and len(value) <= 200,
}


@dataclass(frozen=True, kw_only=True)
class PoseSpec:
    """The contract of a model; it travels inside the model's file.

    Attributes:
      model: a name of `tfpose.models`, or a name of your own.
      skeleton: its keypoints are the channels of the heatmaps, its limbs those of the fields.
      image: the input.
      outputs: the maps, or bins.
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
        if self.outputs.boxes and (
            self.image.multiple % self.outputs.boxes or self.image.fit == "crop"
        ):
            raise ValueError(
                f"outputs.boxes {self.outputs.boxes} must divide image.multiple "
                f"{self.image.multiple}, and the input be a whole picture (image.fit "
                f"{self.image.fit!r})"
            )
        if self.outputs.boxes and self.answers not in ("maps", "boxes"):
            raise ValueError(
                "outputs.boxes is a map beside heatmaps, or a detector's; a network that answers "
                f"{self.answers} has none: set it to 0"
            )
        if self.answers == "boxes" and not self.outputs.boxes:
            raise ValueError(
                "a detector (decoder 'boxes') needs outputs.boxes, the stride of its map, found 0"
            )
        if self.outputs.pafs and not self.skeleton.limbs:
            raise ValueError(
                f"skeleton {self.skeleton.name!r} has no limbs, so there can be no part affinity "
                "fields: give it limbs, or set outputs.pafs to False"
            )
        if bool(self.outputs.simcc) != (self.answers == "bins"):
            raise ValueError(
                f"outputs.simcc is {self.outputs.simcc} and the decoder "
                f"{decoders.name_of(self.decoder)!r}: bins (a split ratio of 1 or more) and the "
                "decoder 'simcc' go together"
            )

    @property
    def answers(self) -> str:
        """What the network answers: "maps", "bins", "boxes", or, of foreign files, "points"."""
        kind: str = decoders.get(decoders.name_of(self.decoder)).ANSWERS
        return kind

    @property
    def channels(self) -> dict[str, int]:
        """The length of each output's last axis, by name: channels of maps, bins of SimCC."""
        return {name: shape[-1] for name, shape in self.shapes().items()}

    def shapes(
        self, height: int | None = None, width: int | None = None
    ) -> dict[str, tuple[int, ...]]:
        """The shape of each output for one picture, by name; see the decoder's `shapes`.

        Args:
          height, width: of the input, pixels; None takes the spec's.
        """
        module = decoders.get(decoders.name_of(self.decoder))
        shapes: dict[str, tuple[int, ...]] = module.shapes(
            self.skeleton, self.outputs, height or self.image.height, width or self.image.width
        )
        return shapes

    def decode(self, outputs: Mapping[str, Float]) -> Poses:
        """Reads one picture's maps with the spec's decoder.

        Args:
          outputs: those of `shapes` by name, float32: maps are (h, w, C), bins (K, bins).

        Returns:
          Poses in pixels of the network's input; see the decoder's `decode`.

        Raises:
          ValueError: an output lacks, or has another shape than the spec says.
        """
        module = decoders.get(decoders.name_of(self.decoder))
        poses: Poses = module.decode(outputs, self.skeleton, self.outputs, self.decoder)
        return poses

    def with_height(self, height: int) -> PoseSpec:
        """The spec of a flexible graph at another base height; the width follows from the picture.

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
        except RecursionError:
            raise ValueError("pose_spec.json is no pose spec: it nests too deep") from None
        except ValueError as error:  # a number of thousands of digits is no JSONDecodeError
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
        module = decoders.get(str(parameters.pop("name", None))[:80])
        parameters = {module.RENAMED.get(name, name): part for name, part in parameters.items()}
        return _build(
            cls,
            "spec",
            fields
            | {
                "skeleton": _skeleton(fields.get("skeleton")),
                "image": _build(ImageSpec, "image", _object("image", fields.get("image"))),
                "outputs": _build(OutputSpec, "outputs", _object("outputs", fields.get("outputs"))),
                "decoder": _build(module.Parameters, "decoder", parameters),
            },
        )


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"pose_spec.json needs an object {name!r}, found {str(value)[:80]}")
    return dict(value)


def _skeleton(value: object) -> Skeleton:
    tree = _object("skeleton", value)
    try:
        return skeleton_file.from_tree(tree)
    except ValueError as error:
        raise ValueError(f"pose_spec.json: skeleton: {error}") from error


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
    for field, value in fields.items():
        kind_of_field: Any = known[field].type  # a string where annotations are postponed
        told = getattr(kind_of_field, "__name__", kind_of_field)
        _check_kind(f"{name}.{field}", str(told), value)
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"pose_spec.json: {name} has a field of a wrong type: {error}") from error


def _check_kind(name: str, kind: str, value: object) -> None:
    """Refuses a value of another kind than the field's, and numbers that are none."""
    for word, fits in _KINDS.items():
        if word == kind and not fits(value):
            raise ValueError(f"pose_spec.json: {name} must be {word}, found {str(value)[:80]!r}")
