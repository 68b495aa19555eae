"""Networks by name: one file per family, each from an RGB tensor to a feature map."""
