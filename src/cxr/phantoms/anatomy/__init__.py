"""The chest: a patient's outlines, where every pixel lies in them, and what the rays cross there."""
