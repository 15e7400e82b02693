"""A bulk job: what is asked of every picture, and where its output and its progress lie."""

import abc
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from estimator import bundle
from estimator.pose_estimator import DEFAULT, PoseEstimator, model_path
from estimator.second_look.options import Options as SecondLook

from . import storage
from .containers import Reading
from .plan import Shard

FORMATS = ("parquet", "jsonl", "coco")
SUFFIX = {"parquet": "parquet", "jsonl": "jsonl", "coco": "json"}


@dataclass(frozen=True, kw_only=True)
class Output(abc.ABC):
    """Where the files of a job with shards lie: its plan, its marks, the shards themselves.

    Attributes:
      output: prefix of the files, on any file system.
      reading: how containers are read.
      most: pictures of a shard.
    """

    output: str
    reading: Reading = field(default_factory=Reading)
    most: int = 500

    def __post_init__(self) -> None:
        if not self.output or self.output.endswith("/"):
            raise ValueError(f"output must be a prefix of file names, found {self.output!r}")
        if self.most < 1:
            raise ValueError(f"most must be at least 1, found {self.most}")

    @property
    def folder(self) -> str:
        """Where the plan lies, and a mark of each finished shard."""
        return f"{self.output}.progress"

    @property
    def plan_path(self) -> str:
        """Of the plan's file."""
        return storage.join((self.folder, "plan.jsonl"))

    @abc.abstractmethod
    def shard_path(self, shard: Shard) -> str:
        """Of a shard's output."""

    @abc.abstractmethod
    def failed_path(self, shard: Shard) -> str:
        """Of a shard's dead letters: the pictures of it that failed."""

    def mark_path(self, shard: Shard) -> str:
        """Of the mark that a shard is finished, with its counts."""
        return storage.join((self.folder, f"{shard.name}.json"))

    @abc.abstractmethod
    def decides(self) -> Mapping[str, Any]:
        """The options that rows depend on, for the comparison with an earlier run."""

    def shard_at(self, place: tuple[int, int]) -> Shard:
        """A shard of the plan.

        Args:
          place: first byte and length of its line in the plan's file.
        """
        line = storage.patiently(lambda: storage.read_part(self.plan_path, *place))
        return Shard.of_line(line)


@dataclass(frozen=True, kw_only=True)
class Job(Output):
    """Everything that decides the output; workers get it with their work.

    An `output` of `out/poses` gives `out/poses-00000-of-00020.parquet`.

    Attributes:
      form: one of FORMATS.
      model: path of a .tflite or .onnx that all workers see, or name of a shipped one.
      height: base height of a flexible network's input; None takes the spec's.
      second_look: as `tfpose predict` has it.
      reader: the second look's network, a path that all workers see or a name; empty takes ours.
      engine: as there; None takes LiteRT for a .tflite.
      threads: of each process.
      min_score: people of a lower score are left out.
      max_people: the best so many of a picture; None for all.
    """

    form: str = FORMATS[0]
    model: str = DEFAULT
    height: int | None = None
    second_look: str = SecondLook.mode
    reader: str = SecondLook.model
    engine: str | None = None
    threads: int = 1
    min_score: float = 0.0
    max_people: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in FORMATS:
            raise ValueError(f"no format {self.form!r}; there are {', '.join(FORMATS)}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, found {self.threads}")
        if self.max_people is not None and self.max_people < 1:
            raise ValueError(f"max_people must be at least 1, found {self.max_people}")

    @property
    def look(self) -> SecondLook:
        """Of `second_look` and `reader`."""
        return SecondLook(mode=self.second_look, model=self.reader)

    def estimator(self) -> PoseEstimator:
        """The network, opened.

        Raises:
          FileNotFoundError, ImportError, ValueError: as PoseEstimator.
        """
        return PoseEstimator(
            self.model,
            threads=self.threads,
            height=self.height,
            engine=self.engine,
            second_look=self.look,
        )

    def shard_path(self, shard: Shard) -> str:
        """Of a shard's output."""
        return f"{self.output}-{shard.name}.{SUFFIX[self.form]}"

    def failed_path(self, shard: Shard) -> str:
        """Of a shard's dead letters: the pictures of it that failed."""
        return f"{self.output}-{shard.name}.failed.jsonl"

    def decides(self) -> Mapping[str, Any]:
        """The options that rows depend on, for the comparison with an earlier run."""
        tree = asdict(self)
        for name in ("output", "threads"):
            del tree[name]
        model = model_path(self.model)
        tree["model_sha256"] = _sha256(model)
        if self.second_look != "off":
            tree["reader_sha256"] = _sha256(model_path(self.look.reader_of(bundle.read(model))))
        return tree


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of some pictures.

    Attributes:
      pictures: that were looked at, failed ones included.
      people: found.
      failed: number of pictures by kind of failure, one of `rows.KINDS`.
    """

    pictures: int = 0
    people: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        kinds = self.failed.keys() | other.failed.keys()
        return Counts(
            pictures=self.pictures + other.pictures,
            people=self.people + other.people,
            failed={k: self.failed.get(k, 0) + other.failed.get(k, 0) for k in sorted(kinds)},
        )

    def counters(self) -> dict[str, int]:
        """Of one shard, for a pipeline."""
        failed = {f"failed_{kind}": number for kind, number in self.failed.items()}
        return {"shards": 1, "pictures": self.pictures, "people": self.people, **failed}

    def text(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of_text(cls, text: bytes) -> "Counts":
        """The inverse of `text`."""
        return cls(**json.loads(text))
