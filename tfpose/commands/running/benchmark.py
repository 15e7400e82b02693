"""Measures decoders, networks, the pipeline or the service here: medians and ratios of one run.

tfpose benchmark
tfpose benchmark NAME --help

The names are those of `tfpose.benchmarks`; each has flags of its own.
"""

import difflib

from absl import app

from estimator.program import run
from tfpose import benchmarks

FLAGS = run.new_flags()
WORDS = "NAME"
CHOOSES = True  # the first word is a benchmark, which `run` starts with its own flags


def main(argv: list[str]) -> None:
    """Lists the benchmarks.

    Raises:
      app.UsageError: a word is none of them.
    """
    known = benchmarks.names()
    if argv[1:]:
        near = difflib.get_close_matches(argv[1], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise app.UsageError(f"no benchmark {argv[1]!r}; there are {', '.join(known)}{hint}")
    width = max(map(len, known))
    for name in known:
        print(f"  {name:{width}}  {benchmarks.about(name)}")
