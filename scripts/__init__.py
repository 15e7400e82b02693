"""The commands of `tfpose` as programs of a checkout: `python -m scripts.NAME --help`.

What they do lies in `tfpose.commands`; nothing here is in the wheel.
"""
