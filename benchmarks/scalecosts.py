"""
The command: C{python -m benchmarks.scalecosts}.

It measures the costs that L{benchmarks.scale.model} uses; L{benchmarks.scale.costs} does the work.
"""

import sys

from benchmarks.scale.costs import main

if __name__ == "__main__":
    sys.exit(main())
