"""COCO keypoint annotations: the one door through which every program reads them.

`reading` checks a file against a schema and puts right what has one meaning; `labels` holds what
was read; `choice` picks categories and maps keypoints by name; `orientation` turns labels upright;
`suspicions` names what is readable but probably wrong; `samples` makes the splits of data sets.
How pictures are found and stored is `tfpose.data.picture_files`.
"""

from .choice import Choice
from .labels import BOX_SHIFT, KEYPOINT_SHIFT, Annotations, Image, Person
from .reading import image_fields, read
from .samples import pose_set, samples

__all__ = [
    "BOX_SHIFT",
    "KEYPOINT_SHIFT",
    "Annotations",
    "Choice",
    "Image",
    "Person",
    "image_fields",
    "pose_set",
    "read",
    "samples",
]
