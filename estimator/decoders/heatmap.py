"""Top-down: the heatmaps of one person's box to that person's keypoints.

Every keypoint has a map of its own, and lies at its maximum. What `refinement` adds to the cell:

quarter      a quarter of a cell towards the higher neighbour, in x and in y (Newell et al. 2016,
             arXiv:1603.06937; HRNet's and the hourglass's own read-out). Those programs leave it out
             for peaks in the second row or column, or when the other axis lies at the border; here
             an axis is refined wherever both neighbours exist.
dark         one Newton step to the maximum of the map's logarithm, which a Gaussian answers exactly
             (Zhang et al. 2020, arXiv:1910.06278, section 3.2). The map is first smoothed by a
             Gaussian of the width that it was trained with, and the step is taken only where the
             map is curved like a peak, and no further than a cell.
soft_argmax  the mean of all cells, weighed by softmax(beta * map); cavalleria/humanpose.pytorch,
             `lib/core/inference.py`, calls it with beta 160.
none         the cell.

Should the quarter follow soft_argmax, as it does in that program? At beta 160 softmax sees little
but the highest cell: MEASURED
"""



