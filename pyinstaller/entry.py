"""First line of the frozen binary, and the last."""

import os
import sys

# `edge version` loads nothing that would need it, and takes the interpreter's own time.
if sys.argv[1:] != ["version"]:
    import codecache

    codecache.install()

from edge.__main__ import main

code = 0
try:
    main()
except SystemExit as exit_:
    if exit_.code is not None and not isinstance(exit_.code, int):
        raise
    code = exit_.code or 0
# Everything is closed by now: each command owns its nursery and its store. Taking 350 modules apart
# would add 20 ms to every command.
try:
    sys.stdout.flush()
    sys.stderr.flush()
except OSError:
    code = code or 1
os._exit(code)
