"""Where workers log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

logger = logging.getLogger("dapr_client.workflow")


@dataclass(frozen=True, slots=True)
class LoggerOptions:
    """How much is logged, where to, and in which form. It is one logger for all: `dapr_client.workflow`."""

    log_level: int | str = logging.INFO
    log_handler: logging.Handler | None = None
    log_formatter: logging.Formatter | None = None

    def apply(self) -> None:
        """Set up the logger."""
        logger.setLevel(self.log_level)
        if self.log_handler is not None:
            if self.log_formatter is not None:
                self.log_handler.setFormatter(self.log_formatter)
            logger.addHandler(self.log_handler)
