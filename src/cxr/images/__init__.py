"""One image file in, (H, W) uint8 grey out; and the geometry (resize, box, warp) that all stages share."""
