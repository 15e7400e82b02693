"""The models that are served: their specs, and their networks for every lane."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from estimator import PoseEstimator, PoseSpec, engines, skeletons
from estimator.engines.checks import default_threads, usable_cores
from estimator.second_look.options import Options as SecondLook
from estimator.skeleton import mapping

from . import hard_hat
from .errors import ServiceError
from .lanes.batching import Networks
from .settings import Settings

STATUS = {  # as TensorFlow Serving says it of its versions
    "version": "1",
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
}
Opener = Callable[[str, int], PoseEstimator]  # a model's name, threads


@dataclass(frozen=True, kw_only=True, eq=False)
class Catalogue:
    """Models by name; the first is the default.

    Attributes:
      specs: what each model answers.
      engines: what runs each model, one of `estimator.engines.ENGINES`.
    """

    specs: Mapping[str, PoseSpec]
    engines: Mapping[str, str]

    @property
    def default(self) -> str:
        return next(iter(self.specs))

    @property
    def hard_hat(self) -> str | None:
        """The first model that finds people by itself and knows a point of the head."""
        target = skeletons.get("openpose18")
        rows = [target.keypoints.index(name) for name in hard_hat.HEAD]
        for name, spec in self.specs.items():
            if spec.image.fit == "letterbox" and mapping(spec.skeleton, target)[rows].any():
                return name
        return None

    def find(self, name: str | None) -> str:
        """The name, or the default's.

        Raises:
          ServiceError: 404, there is none of that name.
        """
        name = name or self.default
        if name not in self.specs:
            raise ServiceError(
                HTTPStatus.NOT_FOUND, f"no model {name!r}; there are {', '.join(self.specs)}"
            )
        return name

    def describe(self, name: str) -> dict[str, Any]:
        """A model's engine and spec as JSON."""
        spec = self.specs[name]
        return {
            "name": name,
            "default": name == self.default,
            "engine": self.engines[name],
            "spec": json.loads(spec.to_json()),
            "drawn_limbs": [list(limb) for limb in spec.skeleton.drawn_limbs],
            "model_version_status": [STATUS],
        }


def open_all(
    settings: Settings, opener: Opener | None = None
) -> tuple[Catalogue, list[Networks], Networks | None]:
    """Opens every model for every lane.

    Args:
      settings: models and lanes.
      opener: opens one; PoseEstimator if not given.

    Returns:
      The catalogue, the networks of the lanes, and those that take all cores or None.

    Raises:
      FileNotFoundError, ImportError, ValueError: a model cannot be served.
    """

    def estimator(name: str, threads: int) -> PoseEstimator:
        return PoseEstimator(
            settings.models[name],
            threads=threads,
            height=settings.height,
            engine=engines.AUTO,
            second_look=SecondLook(mode=settings.second_look, model=settings.reader),
        )

    make = opener or estimator
    cores = usable_cores()
    lanes = [
        {name: make(name, 1) for name in settings.models} for _ in range(settings.lanes or cores)
    ]
    wide = {name: make(name, default_threads()) for name in settings.models} if cores > 1 else None
    catalogue = Catalogue(
        specs={name: network.spec for name, network in lanes[0].items()},
        engines={name: network.engine for name, network in lanes[0].items()},
    )
    return catalogue, list(lanes), wide
