"""What the doctor finds: the kinds by what follows from them, and one finding."""

from dataclasses import dataclass

from ..data.annotations import suspicions

_SUSPECTED = suspicions.KINDS
# What is wrong for every program.
ERRORS = {
    "refused": "preparing would refuse the set",
    "undecided_picture": "an EXIF orientation, and labels of which nothing tells how they lie",
    "missing_picture": "annotated, but not in the folders and zips, or there more than once",
    "unreadable_picture": "damaged, no picture, or of another size than annotated",
    "unusable_label": "an annotation of no listed picture, or a record that cannot be read",
    "bad_visibility": "a visibility flag that is none of 0, 1, 2",
    "bad_number": "a coordinate, box or area that is not finite, or a region that is malformed",
    "wrong_flip_pair": "the skeleton's flip pairs do not fit its names, its limbs or the labels",
    "sides_of_the_set": "left and right of a pair are exchanged in the whole set",
    "in_two_splits": "the same picture in two splits: the score would be too good",
}
# What would lose people or labels without a word.
LOSSES = {
    kind: _SUSPECTED[kind]
    for kind in (
        "unflagged_keypoint",
        "normalised_keypoints",
        "file_under_two_ids",
        "unreached_keypoint",
        "keypoints_of_another",
        "boxes_as_corners",
    )
}
WARNINGS = {
    "area_unlike_box": _SUSPECTED["area_unlike_box"],
    "box_outside_picture": _SUSPECTED["box_outside_picture"],
    "retyped_value": "values of another type than the format's, read as what they mean",
    "swapped_sides": "a person whose pairs of keypoints point opposite ways: left and right mixed",
    "outside_picture": "a labelled keypoint that lies outside the picture",
    "outside_box": "a labelled keypoint that lies outside the person's box",
    "empty_box": "a box without width or height: top-down training leaves the person out",
    "stacked_keypoints": "different keypoints of a person on one spot",
    "same_picture_twice": "two files with the same bytes",
    "similar_picture": "two files that look the same",
    "same_person_twice": "two annotations of one person",
}
NOTES = {
    "turned_picture": "an EXIF orientation: prepared upright, with upright labels",
    "file_of_the_system": (
        "written by macOS beside pictures (`._NAME`, `__MACOSX`), or links to nothing: passed over"
    ),
    "region_to_ignore": "crowds and people without keypoints: masked out of the loss",
    "picture_without_people": "a negative",
    "picture_without_annotation": "in the folders and zips, but in no annotation: not used",
    "sides_not_judged": "too few people to tell what is usual",
}
KINDS = ERRORS | LOSSES | WARNINGS | NOTES


def severity(kind: str) -> str:
    """What follows from a kind: error, loss, warning or note."""
    by_name = {"error": ERRORS, "loss": LOSSES, "warning": WARNINGS, "note": NOTES}
    return next(name for name, kinds in by_name.items() if kind in kinds)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is, or may be, wrong.

    Attributes:
      kind: a key of KINDS.
      split: where; empty for the skeleton or the whole set.
      picture: which; empty where none is.
      person: row of the picture's people, or None.
      detail: what was found, for people.
      weight: larger is worse; orders the pictures that are drawn.
    """

    kind: str
    split: str = ""
    picture: str = ""
    person: int | None = None
    detail: str = ""
    weight: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no kind {self.kind!r} of finding; there are {', '.join(KINDS)}")

    def __str__(self) -> str:
        where = [part for part in (self.split, self.picture) if part]
        if self.person is not None:
            where.append(f"person {self.person}")
        return ": ".join(part for part in (" ".join(where), self.detail) if part)
