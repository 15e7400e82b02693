"""Recipes of networks that read whole pictures.

Networks that read one person are in `tfpose.recipes.top_down`.
"""
