"""Addresses and their answers, a family of addresses a file.

The work itself is `service` and `lanes`; a new router is included in `app`.
"""
