"""Measured promises: how much faster, and in how little memory, than what one would write instead.

`python -m benchmarks [NAME ...] [--json] [--quick] [--strict]`. A promise is a frozen record in a file of `specs`.
"""
