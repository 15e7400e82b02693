"""The runtime: a picture or a stream in, poses out, with numpy, OpenCV and LiteRT alone.

from estimator import PoseEstimator, Tracker, pictures, stream

estimator = PoseEstimator("model.tflite")
poses = estimator(pictures.read("photo.jpg"))
for result in stream.follow(estimator, "walk.mp4", people=stream.People(tracker=Tracker())):
    print(result.frame.time, result.poses.identity)
"""

from . import adapters, decoders, draw, pictures, skeletons, sources, stream, writers
from .averaging import Averaging
from .maps import Maps
from .pose_estimator import PoseEstimator
from .poses import Poses
from .skeleton import Skeleton
from .smoothing import Smoother
from .spec import ImageSpec, OutputSpec, PoseSpec
from .tracking import Tracker

__all__ = [
    "Averaging",
    "ImageSpec",
    "Maps",
    "OutputSpec",
    "PoseEstimator",
    "PoseSpec",
    "Poses",
    "Skeleton",
    "Smoother",
    "Tracker",
    "adapters",
    "decoders",
    "draw",
    "pictures",
    "skeletons",
    "sources",
    "stream",
    "writers",
]
