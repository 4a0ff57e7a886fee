"""The benchmarks are no part of the wheel: their tests run where the repository is."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
collect_ignore_glob = [] if (ROOT / "benchmarks" / "__init__.py").is_file() else ["test_*.py"]

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))
