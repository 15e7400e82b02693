"""Serves models over HTTP: poses, a page to try them in, and the hard-hat service.

  tfpose serve
  tfpose serve --model=fast=pose_int8.tflite --model=good=pose.tflite --port=8080
  tfpose serve --model=pose.tflite --host=0.0.0.0 --api_key_file=key.txt
  tfpose serve --live=web/build/site
  tfpose serve --grpc_port=8500

docs/serving.md says what it answers and what it holds.
"""

import dataclasses
import os
from pathlib import Path

from absl import app, flags

from estimator.pose_estimator import DEFAULT as OUR_MODEL
from estimator.pose_estimator import model_path
from estimator.program import run
from estimator.second_look.options import MODES as LOOKS
from tfpose.commands import arguments
from tfpose.serving import hard_hat
from tfpose.serving.settings import Limits, Settings

FLAGS = run.new_flags()

DEFAULT, LIMITS = Settings(models={"pose": ""}), Limits()
MODEL = flags.DEFINE_multi_string(
    "model",
    [OUR_MODEL],
    "A .tflite, .onnx or shipped name, or NAME=FILE; the first is the default.",
    flag_values=FLAGS,
)
HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Address to listen at; 0.0.0.0 for all.", flag_values=FLAGS
)
PORT = flags.DEFINE_integer(
    "port", 24417, "Port to listen at.", lower_bound=0, upper_bound=65535, flag_values=FLAGS
)
GRPC = flags.DEFINE_integer(
    "grpc_port", None, "Port of TensorFlow Serving's gRPC form; none without.", 0, 65535,
    flag_values=FLAGS,
)  # fmt: skip
HEIGHT = flags.DEFINE_integer(
    "height", DEFAULT.height, "Base height of flexible models' inputs.", flag_values=FLAGS
)
LOOK = flags.DEFINE_enum(
    "second_look", DEFAULT.second_look, LOOKS, "As `tfpose predict` has it.", flag_values=FLAGS
)
READER = flags.DEFINE_string(
    "reader", DEFAULT.reader, "As `tfpose predict` has it.", flag_values=FLAGS
)
LANES = flags.DEFINE_integer(
    "lanes", DEFAULT.lanes, "Pictures at once; the cores if not given.", flag_values=FLAGS
)
BATCH = flags.DEFINE_integer(
    "batch", DEFAULT.batch_pictures, "Pictures a thread takes at once.", flag_values=FLAGS
)
WAIT = flags.DEFINE_float(
    "batch_ms", DEFAULT.batch_milliseconds, "That it waits for more.", flag_values=FLAGS
)
RULE = flags.DEFINE_enum(
    "hard_hat_rule", DEFAULT.hard_hat_rule, list(hard_hat.RULES), "See docs.", flag_values=FLAGS
)
KEY = flags.DEFINE_string(
    "api_key_file", None, "File with the API key; or TFPOSE_API_KEY.", flag_values=FLAGS
)
ORIGINS = flags.DEFINE_list(
    "cors_origins", [], "Other sites' pages that browsers let in.", flag_values=FLAGS
)
HOSTS = flags.DEFINE_list(
    "allowed_hosts",
    [],
    "Names it is reached by, as a proxy passes them; * for any.",
    flag_values=FLAGS,
)
LIVE = flags.DEFINE_string(
    "live", None, "Folder of the built live demo (web/), served at /live.", flag_values=FLAGS
)
DRAIN = flags.DEFINE_float(
    "drain_seconds", DEFAULT.drain_seconds, "From SIGTERM to not listening.", flag_values=FLAGS
)
BODY = flags.DEFINE_integer(
    "max_body_mib", LIMITS.body_bytes >> 20, "A request's body.", flag_values=FLAGS
)
PIXELS = flags.DEFINE_integer(
    "max_pixels", LIMITS.picture_pixels, "A picture's.", flag_values=FLAGS
)
PICTURES = flags.DEFINE_integer("max_pictures", LIMITS.pictures, "A request's.", flag_values=FLAGS)
QUEUE = flags.DEFINE_integer(
    "max_queue", LIMITS.queued_pictures, "Pictures that may wait.", flag_values=FLAGS
)
SECONDS = flags.DEFINE_float(
    "answer_seconds", LIMITS.answer_seconds, "Until a request is answered.", flag_values=FLAGS
)


arguments.existing(KEY, LIVE)


def main(_: list[str]) -> None:
    """Serves until it is ended."""
    settings = _settings()
    if settings.grpc_port is not None:
        import grpc  # noqa: F401  told before anything is opened, where the extra is missing
    from tfpose.serving import server
    from tfpose.serving.app import create_app

    server.run(create_app(settings), port=PORT.value)


def _settings() -> Settings:
    models = dict(_named(model) for model in MODEL.value)
    if len(models) != len(MODEL.value):
        raise app.UsageError(f"two of --model={MODEL.value} have one name: give NAME=FILE")
    for model in (*models.values(), *filter(None, [READER.value])):
        model_path(model)  # a mistyped one is told before the service is imported
    return Settings(
        models=models,
        height=HEIGHT.value,
        second_look=LOOK.value,
        reader=READER.value,
        lanes=LANES.value,
        batch_pictures=BATCH.value,
        batch_milliseconds=WAIT.value,
        hard_hat_rule=RULE.value,
        api_key=Path(KEY.value).read_text().strip() if KEY.value else os.getenv("TFPOSE_API_KEY"),
        origins=tuple(ORIGINS.value),
        host=HOST.value,
        hosts=tuple(HOSTS.value),
        live=Path(LIVE.value) if LIVE.value else None,
        drain_seconds=DRAIN.value,
        grpc_port=GRPC.value,
        limits=dataclasses.replace(
            LIMITS,
            body_bytes=BODY.value << 20,
            picture_pixels=PIXELS.value,
            pictures=PICTURES.value,
            queued_pictures=QUEUE.value,
            answer_seconds=SECONDS.value,
        ),
    )


def _named(model: str) -> tuple[str, str]:
    name, equals, file = model.partition("=")
    return (name, file) if equals else (Path(model).stem, model)
