"""What a step can do; one module per action, imported when first used."""
