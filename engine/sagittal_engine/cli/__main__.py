"""`python -m sagittal_engine.cli`: the command line without the window."""

import sys

from sagittal_engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
