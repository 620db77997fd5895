"""
The command: C{python -m benchmarks.scalecosts}.

Measures the costs for L{benchmarks.scale.model}, with L{benchmarks.scale.costs}.
"""

import sys

from benchmarks.scale.costs import main

if __name__ == "__main__":
    sys.exit(main())
