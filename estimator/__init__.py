"""The runtime: a picture or a stream in, poses out, with numpy, OpenCV and LiteRT alone.

    from estimator import PeopleFilter, PoseEstimator, Tracker, follow, pictures

    estimator = PoseEstimator("model.tflite")
    poses = estimator(pictures.read("photo.jpg"))
    for result in follow(estimator, "walk.mp4", people=PeopleFilter(tracker=Tracker())):
        print(result.frame.time, result.poses.identity)

The names of `__all__` are the public API: they keep their place. Everything else may move.
"""

from . import decoders, pictures, skeletons
from .inputs.averaging import Averaging
from .layout import ImageSpec, OutputSpec
from .maps import Maps
from .outputs import adapters, draw, results
from .people.smoothing import Smoother
from .people.tracking import Tracker
from .pose_estimator import PoseEstimator
from .poses import Person, Poses
from .skeleton import Skeleton
from .spec import PoseSpec
from .streams import sources
from .streams.follow import PeopleFilter, follow

__version__ = "0.2.0"  # of the whole distribution: the one place

__all__ = [
    "Averaging",
    "ImageSpec",
    "Maps",
    "OutputSpec",
    "PeopleFilter",
    "Person",
    "PoseEstimator",
    "PoseSpec",
    "Poses",
    "Skeleton",
    "Smoother",
    "Tracker",
    "__version__",
    "adapters",
    "decoders",
    "draw",
    "follow",
    "pictures",
    "results",
    "skeletons",
    "sources",
]
