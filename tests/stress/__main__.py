"""`make stress`: many random runs, in several processes, and what was wrong in any."""

import sys

from stress.campaign import main

if __name__ == "__main__":
    sys.exit(main())
