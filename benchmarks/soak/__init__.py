"""Random problems by the thousand, solved and held against the search oracle of the tests; see ``__main__``."""

import sys
from pathlib import Path

# The problems and their oracle are helpers of the tests (tests/problems.py, tests/oracle.py), which pytest finds by its
# `pythonpath`; a benchmark that imports them looks there too.
_TESTS = str(Path(__file__).resolve().parents[2] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)
