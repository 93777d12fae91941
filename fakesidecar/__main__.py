"""`python -m fakesidecar`: the command line."""

from __future__ import annotations

import sys

from fakesidecar.cli import main

sys.exit(main())
