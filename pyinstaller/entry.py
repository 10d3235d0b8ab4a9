"""First line of the frozen binary."""

import sys

# `edge version` loads nothing that would need it, and takes the interpreter's own time.
if sys.argv[1:] != ["version"]:
    import codecache

    codecache.install()

from edge.__main__ import main

main()
