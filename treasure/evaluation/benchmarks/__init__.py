"""One file each: what is asked, in which regimes, and how answers become records."""
