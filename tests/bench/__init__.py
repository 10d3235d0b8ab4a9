"""The budget table of DESIGN section 7, measured beside the real binary."""
