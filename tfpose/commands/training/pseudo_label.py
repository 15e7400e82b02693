"""Writes a teacher's labels of unlabelled pictures as COCO annotations.

  tfpose pseudo-label --model=teacher.tflite --height=368 --images=photos,more.zip \
    --out=labels.json

Or detectors find the people and top-down networks read them, with or without --model:

  tfpose pseudo-label --detectors=picodet.xml,rtmdet.onnx --teachers=tinypose.xml \
    --images=photos,more.zip --out=labels.json --processes=2

Sets that outgrow a machine are labelled by Apache Beam, from zips, tars, TFRecords and Parquet
files on any file system, into the same file (docs/bulk.md):

  tfpose pseudo-label --model=teacher.tflite --images='gs://sets/*.tar' --out=labels.json \
    --runner=DataflowRunner --beam_option=--project=mine

Killed, the same command goes on where it was. docs/evaluation.md says how the thresholds act.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from estimator.inputs.averaging import MULTISCALE, Averaging
from estimator.pose_estimator import shipped_names
from estimator.program import run
from tfpose.commands import arguments
from tfpose.commands.beam_flags import BeamFlags
from tfpose.data.beam_runner import BeamOptions
from tfpose.data.picture_files import Pictures

if TYPE_CHECKING:
    from tfpose.teacher import label_people, labels
    from tfpose.teacher.picture_labels import Settings

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", None, "The bottom-up teacher: a .tflite, .keras, ...", flag_values=FLAGS
)
DETECTORS = flags.DEFINE_list(
    "detectors", [], "Files of person detectors, a spec beside each.", flag_values=FLAGS
)
TEACHERS = flags.DEFINE_list(
    "teachers", [], "Files of top-down networks, a spec beside each.", flag_values=FLAGS
)
PROCESSES = flags.DEFINE_integer(
    "processes",
    1,
    "With --detectors or --runner=DirectRunner: number of processes, one core each.",
    1,
    flag_values=FLAGS,
)
BEAM = BeamFlags(FLAGS)
IMAGES = flags.DEFINE_list(
    "images",
    None,
    "Folders and zips with the pictures; with --runner, whatever `tfpose bulk` reads but videos.",
    required=True,
    flag_values=FLAGS,
)
OUT = flags.DEFINE_string("out", None, "The .json to write.", required=True, flag_values=FLAGS)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Base height of a flexible network's input.", flag_values=FLAGS
)
THREADS = flags.DEFINE_integer("threads", None, "Of a .tflite.", flag_values=FLAGS)
BATCH = flags.DEFINE_integer(
    "batch", None, "Pictures at a time; a .tflite takes one.", flag_values=FLAGS
)
FLIP = flags.DEFINE_bool("flip", False, "Average with the mirrored picture.", flag_values=FLAGS)
MULTI = flags.DEFINE_bool(
    "multiscale", False, f"Average over the sizes {MULTISCALE}.", flag_values=FLAGS
)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Keypoints of the labels: a name, or a .json; coco17 if not given.",
    flag_values=FLAGS,
)
PERSON = flags.DEFINE_float(
    "person", None, "Score from which a person is labelled.", flag_values=FLAGS
)
KEYPOINT = flags.DEFINE_float(
    "keypoint",
    None,
    "Score from which a keypoint is labelled; below, it is ignored.",
    flag_values=FLAGS,
)
KEYPOINTS = flags.DEFINE_integer(
    "keypoints", None, "A labelled person has at least so many.", flag_values=FLAGS
)
SEEN = flags.DEFINE_float(
    "seen",
    None,
    "Score from which a person who is not labelled is ignored, not denied.",
    flag_values=FLAGS,
)
MARGIN = flags.DEFINE_float(
    "margin",
    None,
    "How far ignored regions reach, as a share of the person's size.",
    flag_values=FLAGS,
)


arguments.model(MODEL, known=shipped_names())
arguments.existing(DETECTORS, TEACHERS)
arguments.skeleton(SKELETON)
arguments.ending(OUT, (".json",))
arguments.writable(OUT)


def _check_places(values: Mapping[str, Any]) -> bool:
    """Without Beam, pictures and labels lie on this machine."""
    if values["runner"] is None:
        for path in values["images"] or ():
            if not Path(path).exists():
                raise flags.ValidationError(f"--images={path}: there is no such file or folder")
    return True


flags.register_multi_flags_validator(  # type: ignore[no-untyped-call]  # absl
    ["images", "runner"], _check_places, flag_values=FLAGS
)


def _check_networks(values: Mapping[str, Any]) -> bool:
    if bool(values["detectors"]) != bool(values["teachers"]):
        raise flags.ValidationError(
            "detectors only find people and teachers need their boxes: give both or neither"
        )
    if not values["detectors"] and values["model"] is None:
        raise flags.ValidationError("give --model, or --detectors and --teachers")
    return True


flags.register_multi_flags_validator(  # type: ignore[no-untyped-call]  # absl
    ["model", "detectors", "teachers"], _check_networks, flag_values=FLAGS
)


def main(_: list[str]) -> None:
    """Labels, and prints how many were found."""
    beam = BEAM.options(PROCESSES.value)
    if beam is not None:
        found = _by_beam(beam)
    else:
        images = Pictures(map(Path, IMAGES.value))
        found = _by_people(images) if DETECTORS.value else _by_network(images)
    print(f"{OUT.value}: {found.people} people in {found.pictures} pictures, ", end="")
    print(f"{found.ignored} with regions to ignore; {found.resumed} were done before")
    if found.unread:
        print(f"{len(found.unread)} pictures could not be read:", *found.unread, sep="\n  ")


def _by_network(images: Pictures) -> "labels.Outcome":
    from tfpose.evaluation import network as networks
    from tfpose.teacher import labels
    from tfpose.teacher.picture_labels import Settings

    assert MODEL.value is not None  # _check_networks
    network = networks.load(MODEL.value, threads=THREADS.value, workers=True)
    if HEIGHT.value is not None:
        network = network.with_height(HEIGHT.value)
    return labels.label(network, images, OUT.value, settings=_settings(Settings()), progress=True)


def _by_people(images: Pictures) -> "labels.Outcome":
    from tfpose.teacher import label_people

    by_people = _people_labelling()
    return label_people.label(
        by_people.labellers,
        images,
        Path(OUT.value),
        settings=by_people.settings,
        processes=PROCESSES.value,
        progress=True,
    )


def _people_labelling() -> "label_people.ByPeople":
    from tfpose.teacher import label_people
    from tfpose.teacher.picture_labels import Settings, Thresholds

    labellers = label_people.Labellers(
        detectors=tuple(map(Path, DETECTORS.value)),
        teachers=tuple(map(Path, TEACHERS.value)),
        model=MODEL.value,
        height=HEIGHT.value,
    )
    default = Settings(thresholds=Thresholds(person=label_people.SURE))
    return label_people.ByPeople(labellers=labellers, settings=_settings(default))


def _by_beam(beam: BeamOptions) -> "labels.Outcome":
    from tfpose.teacher import label_shards, labels
    from tfpose.teacher.picture_labels import Settings

    labelling: label_shards.Labelling
    if DETECTORS.value:
        by_people = labelling = _people_labelling()
        skeleton = by_people.settings.skeleton
    else:
        assert MODEL.value is not None  # _check_networks
        settings = _settings(Settings())
        labelling = labels.ByNetwork(
            model=MODEL.value,
            threads=THREADS.value,
            height=HEIGHT.value,
            settings=settings,
        )
        skeleton = settings.skeleton
    return label_shards.label(labelling, IMAGES.value, OUT.value, skeleton=skeleton, beam=beam)


def _settings(default: "Settings") -> "Settings":
    """The defaults, with what the flags say instead."""
    limits = (PERSON, KEYPOINT, KEYPOINTS, SEEN, MARGIN)
    given: dict[str, Any] = {limit.name: limit.value for limit in limits if limit.value is not None}
    return dataclasses.replace(
        default,
        thresholds=dataclasses.replace(default.thresholds, **given),
        averaging=Averaging(flip=FLIP.value, scales=MULTISCALE if MULTI.value else (1.0,)),
        skeleton=arguments.skeleton_of(SKELETON.value) or default.skeleton,
        batch=BATCH.value,
    )
