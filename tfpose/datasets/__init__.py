"""Data sets, one file each: the module's name is the data set's name."""
