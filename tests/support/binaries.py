"""The programs under test: those of the environment (BANTERD, BANTER), else of the release build."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANTERD = os.environ.get("BANTERD", str(ROOT / "build" / "banterd"))
BANTER = os.environ.get("BANTER", str(ROOT / "build" / "banter"))
# Built beside them, for tests only.
REDIS_LINK = os.environ.get("REDIS_LINK", str(pathlib.Path(BANTERD).resolve().parents[2] / "tests/integration/redis_link"))
