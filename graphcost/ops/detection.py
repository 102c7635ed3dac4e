"""Detection: prior boxes, region pooling, suppression of overlapping boxes."""
