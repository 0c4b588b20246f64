"""`python -m guardrail` is the command `guardrail`."""

import sys

from guardrail.cli import main

sys.exit(main())
