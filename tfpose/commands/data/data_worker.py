"""Runs input pipelines for trainers on other machines: one dispatcher, and workers that ask it.

tfpose data-worker --role=dispatcher --port=5000 --work_dir=/var/tmp/dispatcher
tfpose data-worker --role=worker --dispatcher=10.0.0.1:5000 --host=10.0.0.2 --port=5001

TensorFlow's servers listen on all addresses of a machine, unencrypted and without a key; it has no
setting for another (SECURITY.md). Whoever reaches the port can run graphs on it.
"""

from pathlib import Path

from absl import app, flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

ROLE = flags.DEFINE_enum(
    "role", "worker", ("dispatcher", "worker"), "What to be.", flag_values=FLAGS
)
PORT = flags.DEFINE_integer("port", None, "To listen at.", required=True, flag_values=FLAGS)
HOST = flags.DEFINE_string(
    "host", "localhost", "worker: this machine's name for the trainers.", flag_values=FLAGS
)
DISPATCHER = flags.DEFINE_string(
    "dispatcher", None, "worker: the dispatcher's host:port.", flag_values=FLAGS
)
WORK_DIR = flags.DEFINE_string(
    "work_dir", None, "dispatcher: journal, to survive being killed.", flag_values=FLAGS
)
WORKERS = flags.DEFINE_list(
    "workers", [], "dispatcher: host:port of all workers, for the mode static.", flag_values=FLAGS
)


arguments.writable(WORK_DIR, folder=True)


def main(_: list[str]) -> None:
    """Serves until it is ended."""
    dispatcher = DISPATCHER.value or ""
    if ROLE.value == "worker" and not dispatcher:
        raise app.UsageError("a worker needs --dispatcher")
    from tfpose.pipeline import data_service

    if ROLE.value == "dispatcher":
        work_dir = Path(WORK_DIR.value) if WORK_DIR.value else None
        server = data_service.start_dispatcher(PORT.value, work_dir=work_dir, workers=WORKERS.value)
    else:
        server = data_service.start_worker(dispatcher, host=HOST.value, port=PORT.value)
    print(
        f"{ROLE.value} at port {PORT.value}, on all addresses: keep the network private", flush=True
    )
    server.join()
