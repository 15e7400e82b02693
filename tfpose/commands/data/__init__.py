"""Commands that prepare data sets, examine them and serve their pictures to trainers.

What they do lies in `tfpose.data`, `tfpose.datasets`, `tfpose.doctor` and `tfpose.pipeline`.
"""
