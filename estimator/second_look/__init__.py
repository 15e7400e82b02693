"""A second look at the people found: a small top-down network reads each of them again.

`options` says at whom it looks, `look` cuts out and runs, `merging` joins both answers. Finding
people is not done here: that is the first network's.
"""
