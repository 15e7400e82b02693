"""The weights that training begins with where nobody says which: those of the shipped network."""

from pathlib import Path

from estimator.pose_estimator import SHIPPED

FILE = "model.keras"
NONE = "none"  # --start=none: random weights


def weights(model: str) -> Path | None:
    """The float weights that ship for a model; None where there are none.

    Args:
      model: a name of `tfpose.models`.
    """
    path = SHIPPED / model / FILE
    return path if path.is_file() else None


def start(model: str, asked: str) -> str:
    """What a run begins with: a file, a folder, or "" for random weights.

    Args:
      model: a name of `tfpose.models`.
      asked: of the recipe: "" takes the shipped weights where there are some, "none" takes none.
    """
    if asked == NONE:
        return ""
    return asked or str(weights(model) or "")
