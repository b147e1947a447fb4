"""Drawing with Pillow, which brings a readable typeface along."""
