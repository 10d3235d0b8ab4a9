"""edge: declarative workflows on small machines.

This module is imported by every command, so it holds the version and nothing else.
"""

__version__ = "0.1.0"
