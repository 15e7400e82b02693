"""Canvases: training pictures composed of crops and people of other pictures.

They are what a teacher labels; samples of annotated sets are `tfpose.pipeline`.
"""
