"""CVAT's own XML ("CVAT for images 1.1"), in a zip or not: skeletons with named points.

A skeleton's point is `outside` where it is not labelled and `occluded` where it is hidden
(docs.cvat.ai, "CVAT XML format"). CVAT's "COCO Keypoints" export is a COCO file and read as such.
"""

import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from estimator import files

from ..picture_files import Pictures
from . import grouping
from .grouping import Labelled, Point

WANTED = "give the annotations.xml of 'CVAT for images 1.1', or the zip with it"
MEMBER = "annotations.xml"


def detect(path: Path) -> bool:
    """Whether it is such an XML, or a zip with one."""
    try:
        return b"<annotations" in _bytes(path, 4096)
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def tree(path: Path, split: str, pictures: Pictures | None) -> dict[str, Any]:
    """The COCO tree of the pictures of a task.

    Raises:
      ValueError: it is cut off, is of a video, or has no skeletons.
    """
    try:
        root = ElementTree.fromstring(_bytes(path))
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not XML ({error}): export it again") from error
    if root.find("track") is not None:
        raise ValueError(
            f"{path} is of a video ('CVAT for video'): export it as 'CVAT for images 1.1'"
        )
    listed = [_picture(image, str(path)) for image in root.iter("image")]
    if not any(picture.points for picture in listed) and root.find(".//points") is not None:
        raise ValueError(
            f"{path} has points without a skeleton, whose names are not known: label with CVAT's "
            "skeletons, or export as 'COCO Keypoints'"
        )
    return grouping.tree(listed, str(path))


def _bytes(path: Path, count: int = -1) -> bytes:
    if path.is_dir():
        path = path / MEMBER
    if path.suffix != ".zip":
        if path.suffix != ".xml":
            return b""
        with path.open("rb") as file:
            return file.read(count)
    with zipfile.ZipFile(path) as archive:
        files.check_member(archive.getinfo(MEMBER), path)
        with archive.open(MEMBER) as member:
            return member.read(count)


def _picture(image: ElementTree.Element, where: str) -> Labelled:
    found = Labelled(
        file_name=image.get("name", ""), height=image.get("height"), width=image.get("width")
    )
    for number, skeleton in enumerate(image.iter("skeleton")):
        for point in skeleton.iter("points"):
            if point.get("outside") == "1":
                continue
            try:
                x, y = map(float, point.get("points", "").split(","))
            except ValueError as error:
                raise ValueError(
                    f"{where}: the point {point.get('label')} of {found.file_name} is "
                    f"{point.get('points')!r}: it needs x,y"
                ) from error
            flag = 1 if point.get("occluded") == "1" else 2
            label = point.get("label", "")
            found.points.append(Point(name=label, x=x, y=y, flag=flag, group=number))
    return found
