"""Runs input pipelines for trainers on other machines: one dispatcher, and workers that ask it.

python -m scripts.data_worker --role=dispatcher --port=5000 --work_dir=/var/tmp/dispatcher
python -m scripts.data_worker --role=worker --dispatcher=10.0.0.1:5000 --host=10.0.0.2 --port=5001
"""

from pathlib import Path

from absl import app, flags

from tfpose import data_service

ROLE = flags.DEFINE_enum("role", "worker", ("dispatcher", "worker"), "What to be.")
PORT = flags.DEFINE_integer("port", None, "To listen at.", required=True)
HOST = flags.DEFINE_string("host", "localhost", "worker: this machine's name for the trainers.")
DISPATCHER = flags.DEFINE_string("dispatcher", None, "worker: the dispatcher's host:port.")
WORK_DIR = flags.DEFINE_string("work_dir", None, "dispatcher: journal, to survive being killed.")
WORKERS = flags.DEFINE_list(
    "workers", [], "dispatcher: host:port of all workers, for the mode static."
)


def main(_: list[str]) -> None:
    if ROLE.value == "dispatcher":
        work_dir = Path(WORK_DIR.value) if WORK_DIR.value else None
        server = data_service.start_dispatcher(PORT.value, work_dir=work_dir, workers=WORKERS.value)
    elif DISPATCHER.value is None:
        raise app.UsageError("a worker needs --dispatcher")
    else:
        server = data_service.start_worker(DISPATCHER.value, host=HOST.value, port=PORT.value)
    print(f"{ROLE.value} at port {PORT.value}", flush=True)
    server.join()


if __name__ == "__main__":
    app.run(main)
