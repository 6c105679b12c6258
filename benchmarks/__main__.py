"""`python -m benchmarks` from the repository root: the same as `python benchmarks/run.py`."""

from __future__ import annotations

import sys
from pathlib import Path

# The benchmarks import each other by bare name, as when one of them is run by its path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from run import main

if __name__ == "__main__":
    main()
