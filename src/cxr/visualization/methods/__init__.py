"""Ways to ask a network where it saw a finding: one file per method, each a network in, its map maker out."""
