"""Opens a model's file with an engine.

Every engine is a class with the `Runner` protocol in a file of its own. The package of an engine is
imported on first use; all but LiteRT are extras: `pip install 'tfpose[onnx]'`, `[openvino]`.
"""

from pathlib import Path

from ..maps import Runner
from ..spec import PoseSpec
from .litert import LiteRtRunner

# Suffixes of the files that each engine takes; the first engine that takes a file is its default.
ENGINES = {"litert": (".tflite",), "onnxruntime": (".onnx",), "openvino": (".onnx", ".tflite")}


def open_runner(
    path: Path, spec: PoseSpec, *, threads: int | None = None, engine: str | None = None
) -> Runner:
    """Opens a model's file.

    Args:
      path: of the file.
      spec: checked against the file.
      threads: number of threads, at least 1; None is the engine's default.
      engine: one of `ENGINES`; None takes the default of the file's kind.

    Raises:
      ImportError: the engine is not installed; says how to install it.
      ValueError: there is no such engine, it does not take such files, or the file does not fit the
        spec.
    """
    if engine is None:
        fitting = (name for name, suffixes in ENGINES.items() if path.suffix in suffixes)
        engine = next(fitting, "litert")
    elif engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")
    elif path.suffix not in ENGINES[engine]:
        raise ValueError(f"{engine} takes {' and '.join(ENGINES[engine])} files, found {path}")
    if engine == "onnxruntime":
        from .onnx import OnnxRunner

        return OnnxRunner(path, spec, threads=threads)
    if engine == "openvino":
        from .openvino import OpenVinoRunner

        return OpenVinoRunner(path, spec, threads=threads)
    return LiteRtRunner(path, spec, threads=threads)
