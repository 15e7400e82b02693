"""How good a network is on annotated pictures: COCO's AP, MPII's PCKh, the costliest pictures.

Networks run as they ship, through `estimator`; the metrics themselves are in `metrics`.
"""
