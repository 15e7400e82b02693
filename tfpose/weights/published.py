"""The weights that others published: where they lie, what they must be, and how one gets them.

Addresses, sizes and SHA-256 of human-pose-estimation-0001 are those of Open Model Zoo's own
`models/intel/human-pose-estimation-0001/model.yml`. The others have no published digest, and most
lie behind a page that asks before it gives a file: those are fetched by hand.
"""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from estimator import files

TIMEOUT, CHUNK = 30, 1 << 20  # seconds without a byte; bytes
ZOO = (
    "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2021.4/models_bin/3/"
    "human-pose-estimation-0001"
)


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One file.

    Attributes:
      address: where it is downloaded.
      name: in the user's folder.
      size: bytes.
      sha256: its digest, hexadecimal.
    """

    address: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """The weights of one network.

    Attributes:
      name: as `tfpose weights` lists them.
      about: whose they are.
      licence: of the weights.
      model: the network that they are for.
      source: the file that --source of `tfpose import-weights` takes.
      flags: more flags of that command.
      files: what is downloaded; empty where that is done by hand.
      page: where it is fetched by hand.
    """

    name: str
    about: str
    licence: str
    model: str
    source: str
    flags: str = ""
    files: tuple[PublishedFile, ...] = ()
    page: str = ""

    def command(self, folder: Path) -> str:
        """The command that imports them from a folder."""
        flags = f" {self.flags}" if self.flags else ""
        return (
            f"tfpose import-weights --model={self.model} --source={folder / self.source}{flags} "
            f"--out={self.name}.tflite"
        )


def _intel(name: str, kind: str, digests: tuple[tuple[int, str], tuple[int, str]]) -> Published:
    suffix = {"FP32": "", "FP16": "_fp16", "FP16-INT8": "_int8"}[kind]
    parts = tuple(
        PublishedFile(
            address=f"{ZOO}/{kind}/human-pose-estimation-0001.{ending}",
            name=f"human_pose_estimation_0001{suffix}.{ending}",
            size=size,
            sha256=digest,
        )
        for ending, (size, digest) in zip(("xml", "bin"), digests, strict=True)
    )
    return Published(
        name=name,
        about=f"Intel's Lightweight OpenPose, {kind} (Open Model Zoo)",
        licence="Apache-2.0",
        model="human_pose_estimation_0001",
        source=parts[0].name,
        files=parts,
    )


_HRNET = "https://drive.google.com/drive/folders/1hOTihvbyIxsm5ygDpbUuJ7O_tzv4oXjC"
_TF_POSE = "https://github.com/ildoonet/tf-pose-estimation/tree/master/models/graph"
_MMPOSE = "https://mmpose.readthedocs.io/en/latest/model_zoo_papers/algorithms.html"
TABLE: tuple[Published, ...] = (
    _intel(
        "human_pose_estimation_0001",
        "FP32",
        (
            (153774, "a4312443bb77b8528080c75fff2e5b99ad46d660d5c4cc753ee218dd3deb01f5"),
            (16394712, "746bddef69d602945f7db09401d0567176f805fa0ea2086d2b857b459e316254"),
        ),
    ),
    _intel(
        "human_pose_estimation_0001_fp16",
        "FP16",
        (
            (153702, "560880b45f2e58f1f4d5388000e0364c30199ef656a1b2fd07cd4cdb7b53561c"),
            (8197356, "40dfef77d8216f23b83d86d8915659e3ade89abadbb9173bc9b946cffb6c1c9e"),
        ),
    ),
    _intel(
        "human_pose_estimation_0001_int8",
        "FP16-INT8",
        (
            (426156, "581b082e749848fdfc6d4b4b70e8189c3c2bae1c2d59c6b2c1a026a5471754e3"),
            (4170034, "df2a9f41f15c3a0c8a0c5a704650338a3cc5c7bb588f2bfc14ea7093fa37b446"),
        ),
    ),
    Published(
        name="lightweight_openpose",
        about="Lightweight OpenPose, 40% AP",
        licence="Apache-2.0",
        model="lightweight_openpose",
        source="checkpoint_iter_370000.pth",
        page="https://download.01.org/opencv/openvino_training_extensions/models/"
        "human_pose_estimation/checkpoint_iter_370000.pth",
    ),
    Published(
        name="cmu",
        about="OpenPose of 2017 (VGG19, COCO)",
        licence="not for commercial use",
        model="cmu",
        source="openpose_coco.npy",
        page="https://www.dropbox.com/s/xh5s7sb7remu8tx/openpose_coco.npy?dl=0",
    ),
    Published(
        name="mobilenet_thin",
        about="tf-pose-estimation's mobilenet_thin",
        licence="Apache-2.0",
        model="mobilenet_thin",
        source="mobilenet_thin_graph_opt.pb",
        page=f"{_TF_POSE}/mobilenet_thin",
    ),
    Published(
        name="tf_pose_mobilenet_v2_small",
        about="tf-pose-estimation's mobilenet_v2_small",
        licence="Apache-2.0",
        model="tf_pose_mobilenet_v2_small",
        source="mobilenet_v2_small_graph_opt.pb",
        page=f"{_TF_POSE}/mobilenet_v2_small",
    ),
    Published(
        name="tf_pose_mobilenet_v2_large",
        about="tf-pose-estimation's mobilenet_v2_large",
        licence="Apache-2.0",
        model="tf_pose_mobilenet_v2_large",
        source="mobilenet_v2_large_graph_opt.pb",
        page=f"{_TF_POSE}/mobilenet_v2_large",
    ),
    Published(
        name="hrnet_w32",
        about="HRNet W32, COCO, 256x192",
        licence="MIT",
        model="hrnet_w32",
        source="pose_hrnet_w32_256x192.pth",
        page=_HRNET,
    ),
    Published(
        name="hrnet_w48",
        about="HRNet W48, COCO, 256x192",
        licence="MIT",
        model="hrnet_w48",
        source="pose_hrnet_w48_256x192.pth",
        page=_HRNET,
    ),
    Published(
        name="pose_resnet_50",
        about="Simple Baselines ResNet-50, COCO, 256x192",
        licence="MIT",
        model="pose_resnet_50",
        source="pose_resnet_50_256x192.pth",
        page=_HRNET,
    ),
    Published(
        name="hg_s8_b1",
        about="Fast Human Pose's teacher, MPII",
        licence="not stated",
        model="hg_s8_b1",
        source="model_best.pth.tar",
        page="https://drive.google.com/open?id=1yzR8UwhklJTMMJEtjK10oyYG1tVRtkqi",
    ),
    Published(
        name="hg_s2_b1_mobile",
        about="Fast Human Pose's student, distilled, MPII",
        licence="not stated",
        model="hg_s2_b1_mobile",
        source="model_best.pth.tar",
        page="https://drive.google.com/open?id=1zFoecNCc7alND8ODh8lg3UeRaB6_gY_V",
    ),
    *(
        Published(
            name=f"rtmpose_{size}",
            about=f"RTMPose-{size}, AI Challenger and COCO (mmpose)",
            licence="Apache-2.0",
            model=f"rtmpose_{size}",
            source=f"rtmpose-{size}.pth",
            page=_MMPOSE,
        )
        for size in "tsml"
    ),
    Published(
        name="vitpose_b",
        about="ViTPose-B, COCO (usyd-community)",
        licence="Apache-2.0",
        model="vitpose_b",
        source="model.safetensors",
        page="https://huggingface.co/usyd-community/vitpose-base",
    ),
)


def get(name: str) -> Published:
    """The entry of that name.

    Raises:
      ValueError: there is none; says which there are.
    """
    for one in TABLE:
        if one.name == name:
            return one
    raise ValueError(f"no weights {name!r}; there are {', '.join(one.name for one in TABLE)}")


def is_there(one: Published, folder: Path) -> bool:
    """Whether all files are in a folder, each of the right size where it is known."""
    if not one.files:
        return (folder / one.source).is_file()
    return all(
        (folder / part.name).is_file() and (folder / part.name).stat().st_size == part.size
        for part in one.files
    )


def download(
    one: Published, folder: Path, *, told: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Downloads what is not there yet, checks every file's SHA-256, and keeps it only if it agrees.

    Args:
      one: has files.
      folder: made if it is not there.
      told: gets a line per file that is downloaded.

    Returns:
      The files.

    Raises:
      OSError: a file cannot be downloaded or written; says where to put it by hand.
      ValueError: a file is not the published one.
    """
    files.make_folder(folder)
    return [_whole(part, folder / part.name, told) for part in one.files]


def check(part: PublishedFile, path: Path) -> None:
    """Compares a file with its published digest.

    Raises:
      ValueError: it is another.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != part.sha256:
        raise ValueError(
            f"{path} is not the published file: its SHA-256 is {found}, {part.sha256} was "
            f"expected; delete it and fetch {part.address} again"
        )


def _whole(part: PublishedFile, path: Path, told: Callable[[str], None]) -> Path:
    if path.is_file():
        check(part, path)
        return path
    told(f"{part.address} ({part.size / 1e6:.1f} MB)")
    with files.Whole(path) as partial:
        try:
            with (
                urllib.request.urlopen(part.address, timeout=TIMEOUT) as answer,
                partial.open("wb") as file,
            ):
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise OSError(
                f"{part.address} cannot be downloaded ({error}); fetch it on a machine with a "
                f"network and put it to {path}, then give this command again"
            ) from error
        check(part, partial)
    return path
