"""The program `tfpose`: `tfpose` alone lists its commands."""

import sys

from .commands import door


def main() -> None:
    """The entry point of the wheel."""
    sys.exit(door.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
