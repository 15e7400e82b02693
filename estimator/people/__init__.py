"""People compared with people: OKS, boxes, assignment, suppression, tracking, smoothing.

Everything here takes poses that a decoder has found; nothing reads maps or pictures.
"""
