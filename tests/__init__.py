"""Our tests, not the package `tests` that some libraries install: a package of its own name comes first."""
