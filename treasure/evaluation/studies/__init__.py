"""One file each: what is measured of a trained model's levers, as rows that the report reads."""
