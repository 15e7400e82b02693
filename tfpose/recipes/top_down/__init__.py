"""Recipes of networks that read one person, cut out by a box.

Networks that read whole pictures are in `tfpose.recipes.bottom_up`.
"""
