"""Command line programs: flags to one call. `python -m scripts.NAME --help`."""
