"""Measurements that take longer than a test may: run one with `python -m bench.NAME`."""
