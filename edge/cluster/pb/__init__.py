"""Generated messages; made by proto/generate.py, never edited."""
