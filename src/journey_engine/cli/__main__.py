"""`python -m journey_engine.cli` is the `journey` command."""

from __future__ import annotations

import sys

from journey_engine.cli import main

sys.exit(main())
