"""One file per step: arguments in, one call into the rooms below, and a line that says where the result lies."""
