"""``python -m playbook``."""

import os
import sys

from playbook.cli import main

code = main()
if code:  # leave at once: what libraries print while closing down would bury the message
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
