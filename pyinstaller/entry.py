"""First line of the frozen binary."""

import gc

# A start makes some 100,000 objects that live as long as the process; with the default of 700 the
# collector walks them again and again (8 % of the time to the first step, measured with trio).
gc.set_threshold(10_000, 20, 20)

from edge.__main__ import main  # noqa: E402

main()
