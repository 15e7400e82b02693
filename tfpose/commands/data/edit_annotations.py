"""Makes one COCO keypoint file of several: keeps some keypoints, renames them, merges.

  tfpose edit-annotations --annotations=person_keypoints.json --out=hands.json \
    --keep=nose,left_wrist,right_wrist --rename=left_wrist=left_hand,right_wrist=right_hand \
    --skeleton_out=hands_skeleton.json
  tfpose edit-annotations --annotations=monday.json,tuesday.json --out=both.json

Keypoints are kept by their old names, and then renamed. --skeleton_out writes the skeleton of what
is kept, with COCO's sigmas, for --skeleton of the other commands.
"""

import json
from pathlib import Path
from typing import Any

from absl import app, flags

from estimator import files
from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

ANNOTATIONS = flags.DEFINE_list(
    "annotations", None, "COCO keypoint files, .json.", required=True, flag_values=FLAGS
)
KEEP = flags.DEFINE_list(
    "keep", [], "Keypoints to keep, in this order; all if not given.", flag_values=FLAGS
)
RENAME = flags.DEFINE_list("rename", [], "OLD=NEW names of keypoints.", flag_values=FLAGS)
SKELETON = flags.DEFINE_string(
    "skeleton",
    "openpose18",
    "Where limbs, flip pairs and sigmas of --skeleton_out come from: a name, or a .json.",
    flag_values=FLAGS,
)
SKELETON_OUT = flags.DEFINE_string(
    "skeleton_out", None, "Write the skeleton of what is kept: .json.", flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "File to write: .json.", required=True, flag_values=FLAGS)


arguments.existing(ANNOTATIONS)
arguments.skeleton(SKELETON)
arguments.ending(OUT, (".json",))
arguments.ending(SKELETON_OUT, (".json",))
arguments.writable(OUT, SKELETON_OUT)


def main(_: list[str]) -> None:
    """Edits, writes, and says what is in the file."""
    from tfpose.data import keypoint_edit

    names = dict(map(_pair, RENAME.value))
    trees = []
    for path in ANNOTATIONS.value:
        tree = _read(Path(path))
        tree = keypoint_edit.subset(tree, KEEP.value) if KEEP.value else tree
        trees.append((path, keypoint_edit.renamed(tree, names)))
    whole = keypoint_edit.merged(trees)
    if SKELETON_OUT.value:
        source = arguments.skeleton_of(SKELETON.value)
        assert source is not None  # the flag has a default
        old = {new: name for name, new in names.items()}
        kept = [old.get(name, name) for name in whole["categories"][0]["keypoints"]]
        skeleton = keypoint_edit.skeleton(source, kept, names)
        _write(Path(SKELETON_OUT.value), skeleton)
    _write(Path(OUT.value), whole)
    named = whole["categories"][0]["keypoints"]
    print(
        f"{OUT.value}: {len(whole['images'])} pictures, {len(whole['annotations'])} people, "
        f"{len(named)} keypoints: {', '.join(named)}"
    )


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise app.UsageError(f"--rename takes OLD=NEW, found {text!r}")
    return old, new


def _read(path: Path) -> dict[str, Any]:
    tree = files.read_json(path)
    if not isinstance(tree, dict):
        raise ValueError(f"{path} is not in COCO's format: it must hold an object, found a list")
    return tree


def _write(path: Path, tree: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(tree, ensure_ascii=False))
