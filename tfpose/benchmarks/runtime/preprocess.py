"""Photographs to network inputs: decoding the file, checking it, and the letterbox.

One thread. `--pictures` takes files, folders and globs; without it, the sample is enlarged to
three sizes of cameras. MB/s are megabytes of the decoded picture (3 bytes a pixel).
"""

from functools import partial

import cv2
from absl import flags

from estimator import pictures
from estimator.arrays import UInt8
from estimator.inputs import preprocess
from estimator.layout import ImageSpec
from estimator.program import run

from .. import timing

FLAGS = run.new_flags()

PICTURES = flags.DEFINE_multi_string("pictures", [], "Files, folders or globs.", flag_values=FLAGS)
BASE_HEIGHT = flags.DEFINE_integer(
    "base_height", 256, "Height of the flexible input.", 8, flag_values=FLAGS
)

REPEATS = 30
MADE = ((480, 640), (1080, 1920), (3024, 4032))  # height, width: webcam, full HD, telephone
HEAD = ("picture", "pixels", "read ms", "MB/s", "letterbox ms", "MB/s", "bilinear ms", "ratio")


def main(_: list[str]) -> None:
    """Prints the table."""
    cv2.setNumThreads(1)
    image = ImageSpec(height=BASE_HEIGHT.value, width=BASE_HEIGHT.value, flexible=True)
    files = pictures.find(PICTURES.value).files if PICTURES.value else ()
    encoded = {str(file): file.read_bytes() for file in files} or make()
    rows = [measure(name, data, image) for name, data in encoded.items()]
    print(timing.table(HEAD, rows))


def measure(name: str, data: bytes, image: ImageSpec) -> tuple[str, ...]:
    """One row of the table; the ratio is of the letterbox to a resize that skips pixels."""
    picture = pictures.read(data)
    made, _ = preprocess.letterbox(picture, image)
    time = timing.medians(
        {
            "read": partial(pictures.read, data),
            "letterbox": partial(preprocess.letterbox, picture, image),
            "bilinear": partial(cv2.resize, picture, (made.shape[2], made.shape[1])),
        },
        repeats=REPEATS,
    )
    return (
        name,
        f"{picture.shape[1]}x{picture.shape[0]}",
        f"{time['read']:.2f}",
        f"{picture.nbytes / time['read'] / 1000:.0f}",
        f"{time['letterbox']:.2f}",
        f"{picture.nbytes / time['letterbox'] / 1000:.0f}",
        f"{time['bilinear']:.2f}",
        f"{time['letterbox'] / time['bilinear']:.2f}",
    )


def make() -> dict[str, bytes]:
    """The sample as JPEG files of other sizes."""
    sample = pictures.read(pictures.SAMPLE)
    return {f"sample_{height}.jpg": _encode(sample, height, width) for height, width in MADE}


def _encode(picture: UInt8, height: int, width: int) -> bytes:
    enlarged = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", enlarged)[1])
