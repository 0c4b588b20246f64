"""`python -m guardrail` is the command `guardrail`: nothing is imported from the folder that it runs in."""

import os
import sys

if sys.path[0] in ("", os.getcwd()) and not __file__.startswith(os.path.join(os.getcwd(), "")):  # noqa: PTH109, PTH118
    del sys.path[0]  # there lies the code under review

from guardrail.cli import main

sys.exit(main())
