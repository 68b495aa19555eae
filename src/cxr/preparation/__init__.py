"""Images and lung network in, square uint8 crops in one memory-mapped array out."""
