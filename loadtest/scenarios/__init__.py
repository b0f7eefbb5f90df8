"""The loads: each module has `options(parser)` and `run(told, progress)`, which answers a `Result`."""
