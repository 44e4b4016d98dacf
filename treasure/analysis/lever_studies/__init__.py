"""One file each: the rows of a study of levers become sentences, tables and figures."""
