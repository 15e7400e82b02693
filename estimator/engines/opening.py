"""Opens a model's file with an engine.

Every engine is a class with the `Runner` protocol in a file of its own. The package of an engine is
imported on first use; all but LiteRT are extras: `pip install 'tfpose[onnx]'`, `[openvino]`.
"""

import logging
from importlib.util import find_spec
from pathlib import Path

from ..maps import Runner
from ..spec import PoseSpec
from . import cpu
from .litert import LiteRtRunner, is_quantised

# Suffixes of the files that each engine takes; the first engine that takes a file is its default.
ENGINES = {
    "litert": (".tflite",),
    "onnxruntime": (".onnx",),
    "openvino": (".xml", ".onnx", ".tflite"),
}
AUTO = "auto"
CHOICES = (AUTO, *ENGINES)


def open_runner(
    path: Path, spec: PoseSpec, *, threads: int | None = None, engine: str | None = None
) -> Runner:
    """Opens a model's file.

    Args:
      path: of the file.
      spec: checked against the file.
      threads: number of threads, at least 1; None is the engine's default.
      engine: one of `ENGINES`; None takes the first that reads the file, which starts fastest;
        "auto" takes `fastest`.

    Raises:
      ImportError: the engine is not installed; says how to install it.
      ValueError: there is no such engine, it does not take such files, or the file does not fit the
        spec.
    """
    if engine is None:
        engine = _first(path)
    elif engine == AUTO:
        engine = fastest(path, spec)
        logging.info("%s runs %s", engine, path)
    elif engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(CHOICES)}, found {engine!r}")
    elif path.suffix not in ENGINES[engine]:
        raise ValueError(f"{engine} takes {' and '.join(ENGINES[engine])} files, found {path}")
    if engine == "onnxruntime":
        from .onnx import OnnxRunner

        return OnnxRunner(path, spec, threads=threads)
    if engine == "openvino":
        from .openvino import OpenVinoRunner

        return OpenVinoRunner(path, spec, threads=threads)
    return LiteRtRunner(path, spec, threads=threads)


def fastest(path: Path, spec: PoseSpec) -> str:
    """The installed engine that runs a file fastest on this processor.

    That is the first of `ENGINES` that takes the file, but for one case: an int8 .tflite on an x86
    processor without VNNI, where OpenVINO takes about .55 of LiteRT's time (docs/export.md), and
    runs if it is installed. It takes about a second longer to start.

    Args:
      path: of the file.
      spec: of the file. OpenVINO tells a .tflite's outputs apart by their channels alone.

    Returns:
      One of `ENGINES`; "litert" for a file that none takes, which says so.
    """
    if (
        path.suffix in ENGINES["litert"]
        and cpu.lacks_vnni()
        and find_spec("openvino") is not None
        and len(set(spec.channels.values())) == len(spec.channels)
        and path.is_file()
        and is_quantised(path)
    ):
        return "openvino"
    return _first(path)


def where_it_fits(engine: str | None, path: Path) -> str | None:
    """The engine for a second file beside the one that it was chosen for.

    Returns:
      `engine`, where it is "auto" or takes such files; else None, the file's own engine.
    """
    if engine == AUTO or path.suffix in ENGINES.get(engine or "", ()):
        return engine
    return None


def _first(path: Path) -> str:
    fitting = (name for name, suffixes in ENGINES.items() if path.suffix in suffixes)
    return next(fitting, "litert")
