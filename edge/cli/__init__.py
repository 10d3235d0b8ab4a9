"""One small module per command; nothing heavy is imported until the command runs."""
