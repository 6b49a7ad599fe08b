"""`python -m edge` is `village-edge`."""

import sys

from edge.cli import main

sys.exit(main())
