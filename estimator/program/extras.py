"""Which extra of the distribution brings which package, for who hasn't installed it."""

EXTRAS = {
    "train": (
        *("h5py", "importlib_resources", "keras", "lmdb", "msgspec", "pycocotools", "yaml"),
        *("scipy", "tensorboard", "tensorflow", "tensorflow_datasets"),
    ),
    "convert": ("safetensors", "torch"),
    "onnx": ("onnxruntime",),
    "onnx-export": ("onnx", "tf2onnx"),
    "openvino": ("openvino",),
    "teachers": ("ncnn",),
    "heic": ("pillow_heif",),
    "beam": ("apache_beam", "fsspec", "pyarrow"),
    "serve": (
        *("fastapi", "httptools", "prometheus_client", "uvicorn", "uvloop"),
        "websockets",
    ),
    "grpc": ("grpc",),
}


def advice(error: ImportError) -> str:
    """What to install for an import that failed; the error's own words where no extra helps."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages and isinstance(error, ModuleNotFoundError):
            return f'this needs {package}, which is not installed: pip install "tfpose[{extra}]"'
    return str(error)
