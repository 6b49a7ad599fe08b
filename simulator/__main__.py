"""`python -m simulator` is `village-sim`."""

import sys

from simulator.cli import main

sys.exit(main())
