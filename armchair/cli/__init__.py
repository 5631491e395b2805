"""The command line: one verb per file, each with a frozen dataclass `Config` and `run(config)`.

Every module here that does not start with an underscore is a verb, `main` excepted. Composition:
it may import every room, and nobody below imports it.
"""
