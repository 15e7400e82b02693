"""x"""

from ..recipe import Recipe

RECIPE = Recipe(model="lightweight_openpose_half", steps=100)
