"""Medians and ratios, measured in one run: `python -m scripts.benchmark NAME [--flags]`.

The names are those of scripts/benchmarks; `python -m scripts.benchmark NAME --help` says its flags.
"""

import sys

from absl import app, flags

from . import benchmarks


def main() -> None:
    """Runs the benchmark that the first argument names, with the flags that it defines."""
    name = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if name is None:
        raise SystemExit(f"{__doc__}\nBenchmarks: {', '.join(benchmarks.names())}")
    try:
        module = benchmarks.get(name)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    flags.adopt_module_key_flags(module)  # so that --help says them

    def start(argv: list[str]) -> None:
        if len(argv) > 2:
            raise app.UsageError(f"{name} takes flags only, found {argv[2:]}")
        module.run()

    app.run(start)


if __name__ == "__main__":
    main()
