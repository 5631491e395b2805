"""`python -m armchair` is the program `armchair`."""

import sys

from armchair.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
