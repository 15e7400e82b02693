"""The runtime: a picture in, poses out, with numpy, OpenCV and LiteRT alone.

from estimator import PoseEstimator, pictures

estimator = PoseEstimator("model.tflite")
poses = estimator(pictures.read("photo.jpg"))
"""

from . import decoders, draw, pictures, skeletons, writers
from .pose_estimator import Maps, PoseEstimator
from .poses import Poses
from .skeleton import Skeleton
from .spec import ImageSpec, OutputSpec, PoseSpec

__all__ = [
    "ImageSpec",
    "Maps",
    "OutputSpec",
    "PoseEstimator",
    "PoseSpec",
    "Poses",
    "Skeleton",
    "decoders",
    "draw",
    "pictures",
    "skeletons",
    "writers",
]
