"""
The command: C{python -m benchmarks.scalecosts}; L{benchmarks.scale.costs} does the work.
"""

import sys

from benchmarks.scale.costs import main

if __name__ == "__main__":
    sys.exit(main())
