"""What requests and answers look like; FastAPI checks the former and documents both."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_FAR = 1e6  # no coordinate of a picture is farther out
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-_FAR, le=_FAR)]
Length = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=_FAR)]
Encoded = Annotated[str, StringConstraints(strict=True, min_length=1)]
_PICTURE = (  # one black pixel, a PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAACklEQVQIHWMAAgAABAABDTukuQAAAABJRU5ErkJggg=="
)


class Body(BaseModel):
    """Of a request: unknown fields are faults, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid")


class PoseRequest(Body):
    """Pictures as base64."""

    images: list[Encoded] = Field(min_length=1, description="JPEG, PNG, WebP or BMP as base64.")
    boxes: list[list[tuple[Number, Number, Length, Length]]] | None = Field(
        None,
        description="For a top-down model: of each picture, people's x, y, width and height.",
    )
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"images": [_PICTURE]}]}
    )


class Keypoint(BaseModel):
    x: float
    y: float
    score: float


class Person(BaseModel):
    """Somebody found; keypoints that were not found are left out."""

    id: int | None = Field(None, description="Who this is from frame to frame; of streams only.")
    score: float
    box: tuple[float, float, float, float] = Field(
        description="x, y, width and height of the keypoints."
    )
    keypoints: dict[str, Keypoint]


class PictureAnswer(BaseModel):
    """The people of one picture, best first, in its pixels: the first one's centre is 0, 0."""

    width: int
    height: int
    people: list[Person]


class Timing(BaseModel):
    """Milliseconds."""

    waited: float = Field(description="In the queue, the longest of the pictures.")
    worked: float = Field(description="Decoding, network and reading it, all pictures together.")
    total: float = Field(description="From the request's body to this answer.")


class PoseAnswer(BaseModel):
    """The answer to PoseRequest, or to the same pictures as multipart."""

    model: str
    skeleton: str
    images: list[PictureAnswer]
    timing: Timing


class ModelAnswer(BaseModel):
    """A model that is served."""

    name: str
    default: bool
    engine: str = Field(description="What runs the network: litert, onnxruntime or openvino.")
    spec: dict[str, Any] = Field(description="pose_spec.json, as the model's file carries it.")
    drawn_limbs: list[tuple[int, int]] = Field(description="Pairs of keypoint indices.")
    model_version_status: list[dict[str, Any]] = Field(description="As TensorFlow Serving's.")


class ModelsAnswer(BaseModel):
    models: list[ModelAnswer]


class Base64(Body):
    b64: Encoded


class ImageBytes(Body):
    image_bytes: Base64


Row = Base64 | ImageBytes


class ImageBytesColumn(Body):
    image_bytes: Base64 | list[Base64]


class PredictRequest(Body):
    """A request of TensorFlow Serving's REST API: pictures by row (`instances`) or `inputs`."""

    instances: list[Row] | None = Field(None, min_length=1)
    inputs: Base64 | ImageBytesColumn | list[Row] | None = None
    signature_name: str | None = Field(None, description="serve_bytes or serving_default.")
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"instances": [{"b64": _PICTURE}]}]}
    )

    @model_validator(mode="after")
    def _has_one_of_them(self) -> "PredictRequest":
        if (self.instances is None) == (self.inputs is None) or self.inputs == []:
            raise ValueError("give either 'instances' or 'inputs', with at least one picture")
        return self

    @property
    def rows(self) -> tuple[list[str], str]:
        """Base64 of every picture, and the name of the field that has them."""
        found: Any = self.instances
        field = "instances" if found is not None else "inputs"
        found = self.inputs if found is None else found
        if isinstance(found, ImageBytesColumn):
            found = found.image_bytes
        if isinstance(found, Base64):
            found = [found]
        return [row.b64 if isinstance(row, Base64) else row.image_bytes.b64 for row in found], field


class PredictAnswer(BaseModel):
    """`predictions` of instances, `outputs` of inputs."""

    predictions: list[PictureAnswer] | None = None
    outputs: list[PictureAnswer] | None = None


class MetadataAnswer(BaseModel):
    model_spec: dict[str, str]
    metadata: dict[str, Any]


class StatusAnswer(BaseModel):
    model_version_status: list[dict[str, Any]]


class HatBox(BaseModel):
    """A hat that a detector found, in pixels; other fields of the detector's are passed over."""

    height: Length
    left: Number
    top: Number
    width: Length


class ImageRequest(BaseModel):
    """A picture for the hard-hat service; other fields are passed over, as by the original."""

    img: Annotated[list[Encoded], Field(min_length=1)] | Encoded = Field(
        description="The picture as base64, in a list; only the first of the list is looked at."
    )
    model_config = ConfigDict(json_schema_extra={"examples": [{"img": [_PICTURE]}]})

    @property
    def first(self) -> str:
        return self.img if isinstance(self.img, str) else self.img[0]


class HardHatRequest(ImageRequest):
    """A picture and the hats in it."""

    hat_location: list[HatBox]
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "hat_location": [{"height": 16, "left": 398, "top": 110, "width": 22}],
                    "img": [_PICTURE],
                }
            ]
        }
    )


class WearerAnswer(BaseModel):
    flag: bool = Field(description="Wears a hard hat.")
    rate: float = Field(description="Share of the picture that the person's box takes, in %.")
    x1: int
    x2: int
    y1: int
    y2: int


class HardHatAnswer(BaseModel):
    code: str
    data: list[WearerAnswer]
    message: str


class HeadsAnswer(BaseModel):
    code: int
    data: list[list[list[int]]] = Field(description="Of everybody, points of the head as x, y.")
    message: str


class BodyBox(BaseModel):
    height: int
    left: int
    top: int
    width: int


class BodiesAnswer(BaseModel):
    code: int
    data: list[BodyBox]
    message: str


class ErrorAnswer(BaseModel):
    error: str
    request_id: str


class HardHatError(BaseModel):
    code: str | int
    data: list[Any]
    message: str
