"""`python -m crowdcue` is the command."""

import sys

from crowdcue.cli import main

sys.exit(main())
