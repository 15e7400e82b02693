"""Logs a line of JSON each, on standard error: who asked what and when, never what was in it.

The standard library's logging, not absl's: uvicorn's own lines go through the same handler.
"""

import json
import logging
import sys
import time
from typing import Any

LOGGER = logging.getLogger("tfpose.serving")


class JsonFormatter(logging.Formatter):
    """A record as a line; `extra={"fields": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        row: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return json.dumps(row, ensure_ascii=False)


def to_standard_error(level: int = logging.INFO) -> None:
    """Sends this package's and uvicorn's records there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("tfpose.serving", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
