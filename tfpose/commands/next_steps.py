"""What a training wrote, and the commands that come after it."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from estimator.layout import ImageSpec

FILES = {
    "model.keras": "the network with its spec",
    "checkpoints/best": "the step with the highest AP",
    "log.csv": "all numbers",
    "curves.png": "loss, AP and rate",
    "predictions.jpg": "what it says of training pictures",
}


def text(
    run: Path, image: ImageSpec, *, height: int, annotations: str | None, images: Sequence[str]
) -> str:
    """Lines that name what stands in a run's folder, and what to do with it.

    Args:
      run: the folder.
      image: of the network as it ships.
      height: of the training pictures; 0 is the model's own.
      annotations, images: of the validation, where there was one.
    """
    if not (run / "model.keras").is_file():
        return f"stopped before its end: the same command goes on from the last step in {run}"
    wrote = [f"  {run / name}: {about}" for name, about in FILES.items() if (run / name).exists()]
    return "\n".join(("wrote", *wrote, "next", *_commands(run, image, height, annotations, images)))


def _commands(
    run: Path, image: ImageSpec, height: int, annotations: str | None, images: Sequence[str]
) -> tuple[str, ...]:
    truth = f"--annotations={quote(annotations or 'val.json')}"
    pictures = quote(",".join(images) or "pictures")
    at = size = ""
    if image.flexible and height:
        at, size = f" --height={height}", f" --height={height} --width={_width(image, height)}"
    model, exported = quote(str(run / "model.keras")), quote(str(run / "model.tflite"))
    evaluation = quote(str(run / "evaluation"))
    return (
        f"  tfpose evaluate --model={model}{at} {truth} --images={pictures} --out={evaluation}",
        f"  tfpose export --model={model}{size} --format=int8 --calibration={pictures} "
        f"--pictures={pictures} --out={exported}",
        f"  tfpose predict --model={exported} photo.jpg",
        f"  tfpose serve --model={exported}",
    )


def _width(image: ImageSpec, height: int) -> int:
    """The width of the family's own shape at that height, a multiple of what the network takes."""
    return max(1, round(height * image.width / image.height / image.multiple)) * image.multiple
