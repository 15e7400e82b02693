"""Annotated pictures before they are tensors: COCO files, picture files, records, prepared sets.

Known data sets are `tfpose.datasets`, one file each; batches of tensors are `tfpose.pipeline`.
"""
