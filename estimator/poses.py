"""Poses: the people found in one picture, the result type of every decoder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import geometry
from .arrays import Float, Int, UInt8, check_shape
from .skeleton import Skeleton, mapping


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """One person of `Poses`.

    Attributes:
      skeleton: K keypoints.
      xy: (K, 2) float32, pixels; NaN where a keypoint was not found.
      score: (K,) float32, 0..1; 0 where a keypoint was not found.
      person_score: at least 0.
      identity: of a tracker; None without one.
      box: x, y, width and height around the keypoints found; zeros where none was.
    """

    skeleton: Skeleton
    xy: Float
    score: Float
    person_score: float
    identity: int | None
    box: tuple[float, float, float, float]

    def __getitem__(self, keypoint: str) -> tuple[float, float, float] | None:
        """x, y and score of a keypoint, `person["nose"]`; None if it was not found.

        Raises:
          KeyError: the skeleton has no such keypoint; says which it has.
        """
        if keypoint not in self.skeleton.keypoints:
            raise KeyError(f"no keypoint {keypoint!r}; there are {self.skeleton.keypoints}")
        index = self.skeleton.keypoints.index(keypoint)
        if not self.score[index] > 0:
            return None
        return float(self.xy[index, 0]), float(self.xy[index, 1]), float(self.score[index])

    def __repr__(self) -> str:
        found = int((self.score > 0).sum())
        who = "" if self.identity is None else f"#{self.identity}, "
        return f"Person({who}score {self.person_score:.2f}, {found} of {len(self.score)} keypoints)"

    def to_dict(self, digits: int = 2) -> dict[str, Any]:
        """Its id if it has one, its score, and the keypoints found, for JSON.

        Args:
          digits: of x and y behind the point.
        """
        return {
            **({} if self.identity is None else {"id": self.identity}),
            "score": round(self.person_score, 4),
            "keypoints": {
                name: {
                    "x": round(float(x), digits),
                    "y": round(float(y), digits),
                    "score": round(float(s), 4),
                }
                for name, (x, y), s in zip(
                    self.skeleton.keypoints, self.xy, self.score, strict=True
                )
                if s > 0
            },
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Poses:
    """N people, best first or in the order of the boxes given.

    Attributes:
      skeleton: K keypoints.
      xy: (N, K, 2) float32, x before y, pixels; NaN where a keypoint was not found.
      score: (N, K) float32, 0..1; exactly 0 where a keypoint was not found.
      person_score: (N,) float32, at least 0; ranks people for COCO's AP.
      identity: (N,) int64, the same for a person in all frames (tracking.py); None without a
        tracker.

    Raises:
      ValueError: a shape or type is wrong, NaN and score 0 do not coincide, or an
        identity occurs twice.
    """

    skeleton: Skeleton
    xy: Float
    score: Float
    person_score: Float
    identity: Int | None = None

    def __post_init__(self) -> None:
        count = len(self.skeleton.keypoints)
        check_shape("xy", self.xy, (None, count, 2))
        check_shape("score", self.score, (len(self.xy), count))
        check_shape("person_score", self.person_score, (len(self.xy),))
        for name in ("xy", "score", "person_score"):
            if getattr(self, name).dtype != np.float32:
                raise ValueError(f"{name} must be float32, found {getattr(self, name).dtype}")
        missing = np.isnan(self.xy)
        if ((missing[..., 0] | missing[..., 1]) != (self.score == 0)).any():
            raise ValueError("xy must be NaN exactly where score is 0")
        if not (self.score.min(initial=0) >= 0 and self.score.max(initial=0) < np.inf):
            raise ValueError("score must be finite and not negative")
        if self.identity is not None:
            self._check_identity(self.identity)

    def _check_identity(self, identity: Int) -> None:
        check_shape("identity", identity, (len(self.xy),))
        if identity.dtype != np.int64:
            raise ValueError(f"identity must be int64, found {identity.dtype}")
        if len(np.unique(identity)) != len(identity):
            raise ValueError(f"identity must name each person once, found {identity.tolist()}")

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator[Person]:
        """The people, in order."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Person:
        """One person.

        Raises:
          IndexError: there are not so many.
        """
        x, y, width, height = self.boxes[index].tolist()
        return Person(
            skeleton=self.skeleton,
            xy=self.xy[index],
            score=self.score[index],
            person_score=float(self.person_score[index]),
            identity=None if self.identity is None else int(self.identity[index]),
            box=(x, y, width, height),
        )

    def __repr__(self) -> str:
        people = "1 person" if len(self) == 1 else f"{len(self)} people"
        scores = ", ".join(f"{score:.2f}" for score in self.person_score[:3])
        more = ", ..." if len(self) > 3 else ""
        shown = f", scores {scores}{more}" if len(self) else ""
        return f"Poses({people}, {self.skeleton.name}{shown})"

    @classmethod
    def empty(cls, skeleton: Skeleton) -> Poses:
        """No people."""
        count = len(skeleton.keypoints)
        return cls(
            skeleton=skeleton,
            xy=np.zeros((0, count, 2), np.float32),
            score=np.zeros((0, count), np.float32),
            person_score=np.zeros(0, np.float32),
        )

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(N, K): whether each keypoint was found."""
        return np.asarray(self.score > 0, np.bool_)

    @property
    def boxes(self) -> Float:
        """(N, 4): x, y, width, height around the keypoints found; zeros where none was."""
        return around(self.xy)

    def transformed(self, matrix: npt.NDArray[np.floating]) -> Poses:
        """The same people, transformed by a (2, 3) matrix."""
        return replace(self, xy=geometry.transform(matrix, self.xy))

    def select(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Poses:
        """The people selected by a mask (N,) or by indices."""
        return _of_checked(
            self.skeleton,
            self.xy[index],
            self.score[index],
            self.person_score[index],
            None if self.identity is None else self.identity[index],
        )

    def plot(self, picture: UInt8 | str | os.PathLike[str], **options: Any) -> UInt8:
        """Draws the people on a picture.

        Args:
          picture: (H, W, 3) uint8, RGB, or a file's path: the one that they were found in.
          options: of `estimator.draw.skeletons`, such as `scores=True`.

        Returns:
          A new picture, (H, W, 3) uint8, RGB.
        """
        from .outputs import showing

        return showing.plot(self, picture, **options)

    def save(
        self,
        path: str | os.PathLike[str],
        picture: UInt8 | str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Path:
        """Writes the people to a file, by its suffix.

        Args:
          path: .json or .csv of the people; .jpg, .png and the like draw them on `picture`.
          picture, options: as in `plot`.

        Returns:
          The path.

        Raises:
          OSError: the file cannot be written.
          ValueError: a suffix that is none of these, or a drawing without a picture.
        """
        from .outputs import showing

        return showing.save(self, path, picture, **options)

    def show(self, picture: UInt8 | str | os.PathLike[str], **options: Any) -> None:
        """Shows the people on a picture: in a notebook below the cell, else in a window.

        Args:
          picture, options: as in `plot`.

        Raises:
          OSError: there is no screen, or this OpenCV has no windows.
        """
        from .outputs import showing

        showing.show(self, picture, **options)

    def to_dict(self, digits: int = 2) -> dict[str, Any]:
        """The people for JSON: `{"skeleton": name, "people": [...]}`.

        A person is `{"score": 0.83, "keypoints": {"nose": {"x": 210.4, "y": 88.0, "score": 0.91}}}`
        with an `id` if it was tracked; keypoints that were not found are left out.

        Args:
          digits: of x and y behind the point.
        """
        return {"skeleton": self.skeleton.name, "people": [one.to_dict(digits) for one in self]}

    def best(self, count: int | None) -> Poses:
        """At most `count` people, those with the highest scores, in their order; None keeps all."""
        if count is None or len(self) <= count:
            return self
        return self.select(np.sort(np.argsort(-self.person_score, kind="stable")[:count]))

    def normalised(self, height: int, width: int) -> Poses:
        """x and y as shares of a picture's width and height: 0 and 1 are its edges."""
        sides = np.array([width, height], np.float32)
        return replace(self, xy=np.asarray((self.xy + np.float32(0.5)) / sides, np.float32))

    def to_rows(self, digits: int = 2) -> list[dict[str, int | float | None]]:
        """One flat row per person, for `pandas.DataFrame(poses.to_rows())` or `csv.DictWriter`.

        Columns: `person` (the index), `identity`, `score`, and for every keypoint NAME_x, NAME_y
          and NAME_score. Missing values are None, which pandas turns into NaN.

        Args:
          digits: of x and y behind the point.
        """
        rows = []
        for person, (xy, score) in enumerate(zip(self.xy, self.score, strict=True)):
            row: dict[str, int | float | None] = {
                "person": person,
                "identity": None if self.identity is None else int(self.identity[person]),
                "score": round(float(self.person_score[person]), 4),
            }
            for name, place, sure in zip(self.skeleton.keypoints, xy, score, strict=True):
                x, y = (round(float(part), digits) for part in place) if sure > 0 else (None, None)
                row |= {f"{name}_x": x, f"{name}_y": y, f"{name}_score": round(float(sure), 4)}
            rows.append(row)
        return rows

    def to_skeleton(self, target: Skeleton) -> Poses:
        """The same people with another skeleton's keypoints, by `skeleton.mapping`.

        A derived keypoint is the mean of its sources, with their lowest score; it is absent if one
        of them is.
        """
        weights = mapping(self.skeleton, target)  # (Kt, Ks)
        needed: npt.NDArray[np.bool_] = np.asarray(weights > 0)
        missing = needed & ~self.found[:, np.newaxis]  # (N, Kt, Ks)
        have = np.logical_and(needed.any(axis=1), ~missing.any(axis=2))  # (N, Kt)
        known = np.where(self.found[..., np.newaxis], self.xy, np.float32(0))
        xy = np.einsum("ts,nsc->ntc", weights, known).astype(np.float32)
        lowest = np.where(needed, self.score[:, np.newaxis], np.inf).min(axis=2, initial=np.inf)
        return replace(
            self,
            skeleton=target,
            xy=np.where(have[..., np.newaxis], xy, np.float32(np.nan)),
            score=np.where(have, lowest, 0).astype(np.float32),
        )


def around(xy: Float) -> Float:
    """Boxes around keypoints.

    Args:
      xy: (N, K, 2), NaN where a keypoint was not found.

    Returns:
      (N, 4): x, y, width, height around those found; zeros where none was.
    """
    first, last = bounds(xy)
    boxes = np.concatenate([first, last - first], axis=1)
    boxes[first[:, 0] == np.inf] = 0
    return boxes


def bounds(xy: Float) -> tuple[Float, Float]:
    """The lowest and the highest x and y of keypoints.

    Args:
      xy: (N, K, 2), NaN where a keypoint was not found.

    Returns:
      (N, 2) each; infinity and its negative where none was found.
    """
    first = np.fmin.reduce(xy, axis=1, initial=np.inf)
    last = np.fmax.reduce(xy, axis=1, initial=-np.inf)
    return first, last


def concatenate(parts: Iterable[Poses], skeleton: Skeleton) -> Poses:
    """The people of several parts as one, in order, without identities.

    Args:
      parts: any number of them, all of the same skeleton.
      skeleton: theirs.
    """
    everyone = [Poses.empty(skeleton), *parts]
    return _of_checked(
        skeleton,
        np.concatenate([poses.xy for poses in everyone]),
        np.concatenate([poses.score for poses in everyone]),
        np.concatenate([poses.person_score for poses in everyone]),
    )


def _of_checked(
    skeleton: Skeleton,
    xy: Float,
    score: Float,
    person_score: Float,
    identity: Int | None = None,
) -> Poses:
    """Rows of other poses, whose values were checked when those were made.

    Raises:
      ValueError: a shape is wrong, or an identity occurs twice.
    """
    check_shape("xy", xy, (None, len(skeleton.keypoints), 2))
    poses = object.__new__(Poses)
    poses.__dict__.update(
        skeleton=skeleton, xy=xy, score=score, person_score=person_score, identity=identity
    )
    if identity is not None:
        poses._check_identity(identity)
    return poses
