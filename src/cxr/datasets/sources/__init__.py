"""One file per data-set format: its description in SETTINGS.json in, a SourceTable out."""
