"""Where a run's batches come from: a prepared set, or a teacher's cache.

The pipeline's stages are `tfpose.pipeline`; here they are chosen by a recipe.
"""
