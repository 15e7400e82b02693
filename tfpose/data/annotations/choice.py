"""What is chosen of an annotation file: categories, and names for its keypoints."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SIDES = {"l": "left", "r": "right", "lt": "left", "rt": "right"}
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
ALIKE = 0.75  # least similarity of two names for a suggestion


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to read of files that hold more than one kind, or use names of their own.

    Attributes:
      categories: names; several are merged into one. None takes the only one with keypoints.
      keypoints: names for the file's keypoints. "THEIRS=OURS" renames one; without "=" they are
        the names of all, in the file's order.
      format: of the file, one of `formats.names()`; None finds it out where it is plain.
      split: the part to read, of formats that hold several.
    """

    categories: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()
    format: str | None = None
    split: str = "val"

    def __post_init__(self) -> None:
        mixed = {"=" in name for name in self.keypoints}
        if len(mixed) == 2:
            raise ValueError(
                "keypoint names are either all THEIRS=OURS or all names in the file's order, found "
                f"{','.join(self.keypoints)}"
            )

    def names(self, given: Sequence[str], where: object) -> tuple[str, ...]:
        """The names of a file's keypoints.

        Args:
          given: as the file has them; may be empty.
          where: the file, for messages.

        Raises:
          ValueError: one is renamed that the file does not have, or their number differs.
        """
        if not self.keypoints:
            return tuple(given)
        if "=" not in self.keypoints[0]:
            if given and len(given) != len(self.keypoints):
                raise ValueError(
                    f"--keypoint_names gives {len(self.keypoints)} names, {where} has "
                    f"{len(given)} keypoints: {', '.join(given)}"
                )
            return self.keypoints
        renamed = {plain(old): new for old, _, new in (p.partition("=") for p in self.keypoints)}
        if strange := sorted(set(renamed) - set(map(plain, given))):
            raise ValueError(
                f"--keypoint_names renames {', '.join(strange)}; {where} has "
                f"{', '.join(given) or 'no names'}"
            )
        return tuple(renamed.get(plain(name), name) for name in given)


def categories(
    listed: Sequence[Mapping[str, Any]], choice: Choice, where: object
) -> list[Mapping[str, Any]]:
    """The categories that are read as one.

    Args:
      listed: of the file; each has an "id".
      choice: names, or none.
      where: the file, for messages.

    Raises:
      ValueError: none, or more than one without being chosen; or chosen ones whose keypoints
        differ.
    """
    names = [str(category.get("name")) for category in listed]
    if not choice.categories:
        posed = [category for category in listed if category.get("keypoints")]
        if not posed and len(listed) == 1:
            return list(listed)
        if len(posed) != 1:
            kinds = [str(category.get("name")) for category in posed] or names
            raise ValueError(
                f"{where} must have one category with 'keypoints', found "
                f"{', '.join(kinds) or 'none'}: choose with --category=NAME; several, as "
                "--category=A,B, are read as one"
            )
        return posed
    chosen = []
    for wanted in choice.categories:
        found = [
            category for category in listed if plain(str(category.get("name"))) == plain(wanted)
        ]
        if not found:
            raise ValueError(f"{where} has no category {wanted!r}, only {', '.join(names)}")
        chosen += found
    spelled = {tuple(map(plain, keypoint_names(category))) for category in chosen}
    if len(spelled) > 1:
        raise ValueError(
            f"the categories {', '.join(choice.categories)} of {where} have different keypoints, "
            "and cannot be read as one: prepare a set of each"
        )
    return chosen


def keypoint_names(category: Mapping[str, Any]) -> tuple[str, ...]:
    """A category's names of keypoints, as the file spells them."""
    names = category.get("keypoints") or ()
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def plain(name: str) -> str:
    """A name without what does not matter: "Left Eye" and "left-eye" are left_eye."""
    return re.sub(r"[\s\-.]+", "_", name.strip()).lower()


def suggestion(given: Sequence[str], wanted: Sequence[str]) -> str:
    """The --keypoint_names that fits a file's names to a skeleton's, as far as they are alike.

    Sides and word order do not matter ("LEye", "eye_left"); the rest is by similarity. Empty where
    hardly anything is alike.
    """
    free = {_words(name): name for name in wanted}
    renamed: dict[str, str] = {}
    for name in given:
        if (words := _words(name)) in free:
            renamed[name] = free.pop(words)
    for name in given:
        if name not in renamed:
            texts = {" ".join(words): words for words in free}
            near = difflib.get_close_matches(" ".join(_words(name)), list(texts), 1, ALIKE)
            if near:
                renamed[name] = free.pop(texts[near[0]])
    if len(renamed) < (len(wanted) + 1) // 2:
        return ""
    pairs = (f"{old}={new}" for old, new in renamed.items() if plain(old) != plain(new))
    return ",".join(pairs)


def _words(name: str) -> tuple[str, ...]:
    """The words of a name, sides spelled out, in alphabetical order."""
    words = [part.lower() for part in _PARTS.findall(name)]
    return tuple(sorted(_SIDES.get(word, word) for word in words))
