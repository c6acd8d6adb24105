"""`python -m samvad` is `samvad`; `samvad up` starts its processes this way."""

import sys

from samvad.cli import main

sys.exit(main())
