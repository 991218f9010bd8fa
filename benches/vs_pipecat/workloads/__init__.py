"""The workloads: each written once against the public API, run with either package.

A workload module has `async def measure(api, scale) -> list[Figure]` and a first docstring line
that states the question it answers.
"""
